import numpy as np
import pytest
import torch
from flame_format import write_flame

from clipface import assets
from clipface.fit.contour import contour_lines
from clipface.fit.correspondence import correspondence, derived_places, place, settle
from clipface.fit.face_points import HALVES, point_lists, read_face_points
from clipface.fit.surface import Surface, covered
from clipface.head import HeadModel, load_head
from clipface.head.mesh import topology
from clipface.head.open_head import read_open_head

MILLIMETRE = 1e-3


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def on(head):
    return correspondence(head)


@pytest.fixture(scope="module")
def flame(tmp_path_factory) -> HeadModel:
    folder = tmp_path_factory.mktemp("flame")
    write_flame(folder)
    return load_head("flame", folder / "generic_model.pkl")


def at(on, vertices, *numbers):
    """Places [n, 3] of points by MediaPipe's numbers."""
    row = {number: place for place, number in enumerate(on.numbers.tolist())}
    return on.on(vertices)[0][[row[number] for number in numbers]]


def test_both_halves_of_the_face_are_marked_alike(head, on):
    places = on.on(head())[0]
    assert len(places) == sum(len(half) for half in HALVES.values()) * 2 - 24  # 24 lie on the middle line
    flipped = places[on.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    assert (flipped - places).norm(dim=1).max() < 0.5 * MILLIMETRE
    assert torch.equal(on.mirror[on.mirror], torch.arange(len(places)))
    assert all(on.regions[a] == on.regions[b] for a, b in enumerate(on.mirror.tolist()))


def test_lips_part_when_the_jaw_opens(head, on):
    """The costliest mistake: upper points on the lower lip go unnoticed as long as mouths are shut."""
    shut, jaw = head(), torch.zeros(1, 6)
    jaw[0, 3] = 0.35
    wide = head(pose=jaw)
    upper, lower = (80, 81, 82, 13, 312, 311, 310), (88, 178, 87, 14, 317, 402, 318)
    for numbers, moves in ((upper, False), (lower, True), ((39, 37, 0, 267, 269), False), ((84, 17, 314), True)):
        drop = (at(on, shut, *numbers) - at(on, wide, *numbers))[:, 1]
        assert (drop > 18 * MILLIMETRE).all() if moves else (drop.abs() < 5.5 * MILLIMETRE).all()
    gap = (at(on, shut, *upper) - at(on, shut, *lower))[:, 1]
    assert (gap.abs() < 5 * MILLIMETRE).all()


def test_upper_lids_close_and_pupils_turn(head, on):
    blink = torch.zeros(1, head.n_expression)
    blink[0, head.expression_names.index("eyeBlinkRight")] = 1
    moved = on.on(head(expression=blink))[0] - on.on(head())[0]
    row = {number: place for place, number in enumerate(on.numbers.tolist())}
    assert moved[[row[number] for number in (159, 158, 160)], 1].max() < -4 * MILLIMETRE
    assert moved[[row[number] for number in (386, 385, 387)]].abs().max() < 1 * MILLIMETRE  # the other eye
    gaze = at(on, head(eye_pose=torch.tensor([[0.0, 0.3, 0.0, 0.0, 0.3, 0.0]])), 468, 473) - at(on, head(), 468, 473)
    assert (gaze[:, 0] > 2 * MILLIMETRE).all()
    iris = head()[0][head.regions["iris"] & head.regions["right_eyeball"]].mean(0)
    assert (at(on, head(), 468)[0] - iris).norm() < 2 * MILLIMETRE


def test_pupils_lie_on_the_axes_of_the_eyes_as_on_textures(head, flame):
    for one in (head, flame):
        looked_at = at(correspondence(one), one(), 468, 473)
        for pupil, name in zip(looked_at, ("right_eyeball", "left_eyeball"), strict=True):
            own = one.v_template[one.regions[name]]
            ray = torch.nn.functional.normalize(pupil - (own.amax(0) + own.amin(0)) / 2, dim=0)
            assert torch.rad2deg(torch.arccos(ray[2])) < 1.5


def test_places_are_carried_to_another_face_by_its_68_landmarks(head, on):
    """A head of another shape: its points are those of the same triangles, as near as 68 landmarks can tell.

    Pupils are on the axes of its own eyeballs, which this shape has made less round.
    """
    data, points = read_open_head(assets.resolve("open_head")), read_face_points()
    person = torch.randn(1, 30, generator=torch.Generator().manual_seed(1))
    data.v_template = head(person)[0].numpy()
    other = HeadModel(data)
    found = place(other, points, *derived_places(other, points)).on(other())
    away = (found - on.on(other()))[0, :, :2].norm(dim=1) / MILLIMETRE  # in the image
    for region, most in (("eyes", 1.0), ("brows", 1.0), ("nose", 1.0), ("outer lips", 1.0), ("inner lips", 1.0),
                         ("irises", 1.5), ("chin", 2.0), ("contour", 5.0)):  # fmt: skip
        assert away[on.rows(region)].mean() < most, region


def test_a_head_in_flames_format_gets_the_same_places(head, on, flame):
    """Vertices and triangles in another order, parts under FLAME's names: places depend on neither."""
    assert topology(flame) != read_face_points().topology
    torch.testing.assert_close(correspondence(flame).on(flame()), on.on(head()), atol=1e-4, rtol=0)


def test_the_open_head_is_known_by_its_triangles_alone(head, on):
    data = read_open_head(assets.resolve("open_head"))
    data.source, data.landmark_faces, data.landmark_barycentric = "another name", None, None
    assert torch.equal(correspondence(HeadModel(data)).corners, on.corners)
    data.faces = data.faces[::-1].copy()
    with pytest.raises(ValueError, match="no landmarks"):
        correspondence(HeadModel(data))


def test_points_settle_on_skin_that_is_seen(head):
    points = read_face_points()
    vertices = head.v_template.double().numpy()
    targets = vertices[head.faces.numpy()[points.faces]].mean(1)
    targets[points.regions.index("inner lips")] -= [0, 0, 0.01]  # at the teeth
    where, weights = settle(head, points, vertices, targets)
    assert np.isclose(weights.sum(1), 1).all() and (weights >= -1e-9).all()
    inside = torch.stack([head.regions[name] for name in ("teeth", "tongue", "mouth_interior", "eye_sockets")]).any(0)
    assert not inside[head.faces.long()[torch.from_numpy(where)]].all(1).any()


def test_contour_points_stay_or_slide_to_the_far_silhouette(head, on):
    lines = contour_lines(head, on)
    turned = torch.zeros(1, 6)
    for yaw, near, far in ((0.5, 93, 323), (-0.5, 323, 93)):
        turned[0, 1] = yaw
        vertices = head(pose=turned)
        samples = (vertices[:, lines.corners] * lines.barycentric[..., None]).sum(-2)
        chosen = lines.chosen(samples)[0]
        row = {int(on.numbers[place]): number for number, place in enumerate(lines.rows.tolist())}
        assert chosen[row[near]] == 0 and chosen[row[far]] > 0
        # The far one is where the face ends: no skin of its height lies farther out.
        point = samples[0, row[far], chosen[row[far]]]
        skin = vertices[0][head.regions["face"]]
        beside = skin[(skin[:, 1] - point[1]).abs() < 4 * MILLIMETRE, 0] * np.sign(yaw)
        assert beside.max() < point[0] * np.sign(yaw) + 2.5 * MILLIMETRE
    straight = lines.chosen((head()[:, lines.corners] * lines.barycentric[..., None]).sum(-2))
    assert (straight == 0).float().mean() > 0.8


def test_closest_points_of_triangles_against_a_search(monkeypatch):
    random = np.random.default_rng(0)
    vertices, targets = random.normal(size=(9, 3)), random.normal(size=(20, 3)) * 2
    faces = np.arange(9).reshape(3, 3)
    where, weights = Surface(vertices, faces).closest(targets)
    found = np.linalg.norm((vertices[faces[where]] * weights[:, :, None]).sum(1) - targets, axis=1)
    grid = random.dirichlet(np.ones(3), size=20000)
    grid = np.concatenate([grid, np.where(grid < grid.min(1, keepdims=True) + 1e-12, 0, grid)])  # the edges too
    grid /= grid.sum(1, keepdims=True)
    everywhere = np.einsum("sk,fkd->sfd", grid, vertices[faces]).reshape(-1, 3)
    searched = np.linalg.norm(everywhere[None] - targets[:, None], axis=-1).min(1)
    assert (found <= searched + 1e-9).all() and (searched - found).max() < 0.05


def test_rays_leave_through_the_far_side():
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
    faces = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    directions = np.random.default_rng(1).normal(size=(5, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distance, weights = Surface(corners, faces).cut(np.array([0.1, 0.0, -0.1]), directions)
    assert (np.isfinite(distance).sum(1) == 1).all()
    for along, direction, weight in zip(distance, directions, weights, strict=True):
        face = int(along.argmin())
        place = (corners[faces[face]] * weight[face][:, None]).sum(0)
        np.testing.assert_allclose(place, [0.1, 0, -0.1] + along[face] * direction, atol=1e-9)


def test_what_lies_behind_or_faces_away_is_covered():
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)
    vertices = np.concatenate([square, square * 0.3 + [0.1, 0.1, -0.01], square + [2, 0, 0]])
    faces = np.array([[0, 1, 2], [3, 4, 5], [6, 8, 7]])
    assert covered(vertices, faces, 0.002).tolist() == [False, True, True]
    assert covered(vertices, faces, 0.02).tolist() == [False, False, True]
    assert covered(vertices, faces[2:], 0.002).tolist() == [True]


def test_covered_triangles_are_those_with_another_before_their_middle():
    random = np.random.default_rng(0)
    middles = random.uniform(-1, 1, (700, 1, 3))
    corners = middles + random.uniform(-0.08, 0.08, (700, 3, 3))
    faces = np.arange(2100).reshape(700, 3)
    expected = []
    for triangle in corners:
        centre = triangle.mean(0)
        flat = np.concatenate([corners[..., :2], np.ones((700, 3, 1))], 2).swapaxes(1, 2)
        weights = np.linalg.solve(flat, np.array([*centre[:2], 1])[None, :, None])[..., 0]
        front = np.linalg.det(flat) > 0
        before = front & (weights >= 0).all(1) & ((weights * corners[..., 2]).sum(1) > centre[2] + 0.05)
        expected.append(before.any() or np.linalg.det(np.c_[triangle[:, :2], np.ones(3)]) <= 0)
    assert covered(corners.reshape(-1, 3), faces, 0.05).tolist() == expected
    assert 100 < sum(expected) < 690


def test_point_lists_need_a_mirror_image_of_every_point():
    points = read_face_points()
    numbers, regions, mirror = point_lists(points.mirror_face)
    assert len(set(numbers.tolist())) == len(numbers) == len(regions)
    assert (numbers[mirror] == points.mirror_face[numbers]).all()


def test_damaged_numbers_are_refused(tmp_path):
    points, path = read_face_points(), tmp_path / "points.npz"
    points.save(path)
    again = read_face_points(path)
    np.testing.assert_allclose(again.barycentric, points.barycentric, atol=1e-7)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="cut off"):
        read_face_points(path)
    points._replace(faces=points.faces[1:]).save(path)
    with pytest.raises(ValueError, match=r"faces: expected shape \(234,\), got \(233,\)"):
        read_face_points(path)
