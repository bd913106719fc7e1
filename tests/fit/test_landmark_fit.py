import pytest
import torch
from flame_format import write_flame

from clipface.fit.correspondence import correspondence
from clipface.fit.gauss_newton import STEPS, minimise
from clipface.fit.head_subset import head_at_points
from clipface.fit.landmark_objective import LandmarkObjective
from clipface.fit.landmarks import fit_landmarks
from clipface.fit.priors import FitParameters
from clipface.fit.weak_perspective import axis_angle, weak_perspective
from clipface.head import HeadModel, load_head
from clipface.head.model import rotation_matrices


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def flame(tmp_path_factory) -> HeadModel:
    folder = tmp_path_factory.mktemp("flame")
    write_flame(folder)
    return load_head("flame", folder / "generic_model.pkl")


def people(head, count: int, seed: int = 0) -> FitParameters:
    """Likely people, the first with a neutral face, the second smiling with an open mouth, turned and looking aside."""
    objective = LandmarkObjective(head, torch.rand(count, 478, 2))
    random = torch.Generator().manual_seed(seed)
    prior = objective.prior
    shape = prior.shape_mean + torch.randn(count, prior.n_shape, generator=random) @ torch.linalg.inv(prior.whitening).T
    expression, pose, eyes = torch.zeros(count, len(prior.slots)), torch.zeros(count, 6), torch.zeros(count, 6)
    names = [head.expression_names[slot] for slot in prior.slots.tolist()]
    expression[1, [names.index("mouthSmileLeft"), names.index("mouthSmileRight")]] = 0.6
    pose[1] = torch.tensor([0.05, 0.2, -0.05, 0.15, 0.0, 0.0])
    eyes[1] = torch.tensor([0.1, 0.2, 0.0, 0.1, 0.2, 0.0])
    scale = 6 + torch.rand(count, generator=random)
    return FitParameters(shape, expression, pose, eyes, scale.log(), torch.rand(count, 2, generator=random) * 0.1)


def image_features(head, parameters: FitParameters) -> torch.Tensor:
    """MediaPipe's points [B, 478, 2] as they would be found of these heads."""
    count = len(parameters.pose)
    objective = LandmarkObjective(head, torch.rand(count, 478, 2))
    points = torch.zeros(count, 478, 2)
    points[:, objective.on.numbers] = objective.predicted(parameters)[0].detach()
    return points


@pytest.fixture(scope="module")
def truth(head):
    return people(head, 3)


@pytest.fixture(scope="module")
def points(head, truth):
    return image_features(head, truth)


@pytest.fixture(scope="module")
def fit(head, points):
    return fit_landmarks(head, points)


def test_the_head_at_points_is_the_head(head):
    """Forward and, with the same random cotangent, backward, for all arguments at once."""
    random = torch.Generator().manual_seed(0)
    on, slots = correspondence(head), torch.tensor([3, 17, 40])
    small = head_at_points(head, on.corners, on.barycentric, 20, slots)
    sizes = ((2, 20), (2, 3), (2, 6), (2, 6))
    given = [(torch.randn(size, generator=random) * 0.3).requires_grad_() for size in sizes]
    expression = torch.zeros(2, head.n_expression).index_copy(1, slots, given[1])
    whole = on.on(head(given[0], expression, given[2], eye_pose=given[3]))
    part = small.landmarks(small(given[0], given[1], given[2], eye_pose=given[3]))
    torch.testing.assert_close(part, whole, atol=1e-6, rtol=0)
    cotangent = torch.randn(whole.shape, generator=random)
    slopes = (torch.autograd.grad((vertices * cotangent).sum(), given) for vertices in (whole, part))
    for expected, found in zip(*slopes, strict=True):
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)
    assert len(small.v_template) < len(head.v_template) / 5
    assert small.expression_names == tuple(head.expression_names[slot] for slot in slots.tolist())


def test_drawn_people_are_found_again(head, truth, points, fit):
    objective = LandmarkObjective(head, points)
    errors = 100 * objective.errors(objective.from_fit(fit))
    assert errors.median() < 0.25 and errors.flatten().quantile(0.95) < 0.8
    assert (fit.pose[:, :3] - truth.pose[:, :3]).norm(dim=1).max() < 0.04
    assert (fit.scale / truth.log_scale.exp() - 1).abs().max() < 0.06  # weak perspective knows no size
    assert (fit.eye_pose - truth.eye_pose).abs().max() < 0.06
    assert (fit.pose[:, 3] - truth.pose[:, 3]).abs().max() < 0.05
    same = objective.prior.whitened(fit.shape[:, : objective.prior.n_shape]) @ objective.prior.whitened(truth.shape).T
    assert same.argmax(1).tolist() == [0, 1, 2]


def test_a_smile_shows_as_mouth_smile(head, fit):
    slots = [head.expression_names.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    smile = fit.expression[:, slots]
    assert (smile[1] - 0.6).abs().max() < 0.25 and smile[[0, 2]].max() < 0.1
    assert fit.expression.min() >= 0 and fit.expression.max() <= 1
    assert fit.expression[0, head.expression_names.index("mouthClose")] < 0.05
    assert (fit.expression != 0).any(0).sum() <= 40 and fit.light[:, 0].eq(1).all() and fit.texture.shape == (3, 0)


def test_pictures_of_a_batch_do_not_touch_each_other(head, points, fit):
    alone = fit_landmarks(head, points[1:2])
    for one, of_many in zip(alone, fit.select([1]), strict=True):
        torch.testing.assert_close(one, of_many, atol=2e-3, rtol=1e-3)


def test_pictures_of_one_person_share_the_identity(head, truth):
    two = FitParameters(*(part[[0, 1]] for part in truth))._replace(shape=truth.shape[[0, 0]])
    fit = fit_landmarks(head, image_features(head, two), torch.tensor([0, 0]))
    assert torch.equal(fit.shape[0], fit.shape[1]) and not torch.equal(fit.expression[0], fit.expression[1])


def test_points_without_weight_do_not_count_and_a_stray_one_hardly_does(head, points, fit):
    objective = LandmarkObjective(head, points)
    degraded, weights = points.clone(), torch.ones(1, len(objective.on.numbers))
    degraded[:, objective.on.numbers[40]] += 0.3
    weights[0, 40] = 0
    for given, most in ((weights, 0.02), (None, 0.15)):
        found = fit_landmarks(head, degraded, weights=given)
        errors = 100 * objective.errors(objective.from_fit(found)).median()
        assert errors < 100 * objective.errors(objective.from_fit(fit)).median() + most


def test_a_fit_can_be_taken_up_again(head, truth, points):
    objective = LandmarkObjective(head, points)
    again = objective.from_fit(objective.fit(truth))
    for found, expected in zip(again, truth, strict=True):
        torch.testing.assert_close(found.detach(), expected, atol=1e-5, rtol=1e-5)
    moved = objective.fit(again)
    vertices = head(moved.shape, moved.expression, moved.pose, eye_pose=moved.eye_pose)
    flat = (objective.on.on(vertices)[..., :2] + moved.translation[:, None]) * moved.scale[:, None, None]
    slid = objective.predicted(truth)[1]
    near = (flat * torch.tensor([1.0, -1.0]) - objective.targets).norm(dim=-1)
    assert near[~slid].max() < 1e-5 < near[slid].max()


def test_each_step_lowers_the_loss_and_limits_hold(head, points):
    objective = LandmarkObjective(head, points)
    parameters = objective.initial()
    losses = [objective.loss(minimise(objective, parameters, steps)) for steps in range(5)]
    assert torch.equal(losses[0], objective.loss(parameters))
    assert all((after <= before).all() for before, after in zip(losses, losses[1:], strict=False))
    assert (losses[-1] < losses[0]).all()
    with torch.no_grad():
        parameters.expression.fill_(2.0), parameters.pose[:, 3].fill_(-1.0), parameters.eye_pose.fill_(9.0)
    objective.clamp(parameters)
    assert parameters.expression.max() == 1 and parameters.pose[:, 3].min() > -0.05 and parameters.eye_pose.max() < 1


@pytest.mark.parametrize("identity", [True, False])
def test_the_steps_come_to_a_minimum(head, truth, points, identity):
    """Nothing is left to gain by many more steps, nor along the gradient but beyond the limits."""
    noise = 0.003 * torch.randn(points.shape, generator=torch.Generator().manual_seed(0))
    people = torch.tensor([0, 1, 1])
    objective = LandmarkObjective(head, points + noise, people)
    start = objective.initial() if identity else objective.initial()._replace(shape=truth.shape[:2])
    found = minimise(objective, start, identity=identity)
    assert torch.equal(found.shape, start.shape) is not identity
    best = objective.loss(minimise(objective, start, 5 * STEPS, identity))
    assert (objective.loss(found).sum() / best.sum() - 1).abs() < 2e-3
    leaves = minimise(objective, start, 5 * STEPS, identity).leaves()
    objective.loss(leaves).sum().backward()
    loss = objective.loss(leaves).sum().item()
    with torch.no_grad():
        moved = FitParameters(*(part - 1e-4 * part.grad / part.grad.norm() for part in leaves))
        moved = moved if identity else moved._replace(shape=start.shape)
        objective.clamp(moved)
        assert loss - objective.loss(moved).sum() < 2e-3


def test_slopes_are_what_the_places_do(head, truth, points):
    """By identity and expression places are linear, up to how skinning weights differ within a triangle."""
    objective = LandmarkObjective(head, points)
    chosen, here, slopes = objective.linearised(truth)
    torch.testing.assert_close(here, objective.predicted(truth)[0])
    parts = torch.cat([truth.shape, truth.expression], 1)
    for number in (0, 7, truth.shape.shape[1] + 3, parts.shape[1] - 1):
        moved = parts + 0.1 * (torch.arange(parts.shape[1]) == number)
        shape, expression = moved.split([truth.shape.shape[1], truth.expression.shape[1]], 1)
        there = objective.placed(truth._replace(shape=shape, expression=expression), chosen)
        expected, found = (there - here) / 0.1, slopes[..., number]
        assert (found - expected).norm() < 0.02 * expected.norm()


def test_gradients_are_finite_where_points_lie_exactly(head, truth, points):
    objective, leaves = LandmarkObjective(head, points), truth.leaves()
    objective.loss(leaves).sum().backward()
    assert all(torch.isfinite(part.grad).all() for part in leaves)


def test_a_head_in_flames_format_is_fitted_by_the_same_call(head, flame, points):
    """Unnamed slots and derived places: coarser, but the same turn, size and face."""
    fit, own = fit_landmarks(flame, points), fit_landmarks(head, points)
    objective = LandmarkObjective(flame, points)
    assert not objective.prior.named and torch.equal(objective.prior.slots, torch.arange(50))
    errors = 100 * objective.errors(objective.from_fit(fit))
    assert errors.median() < 1.2 and errors.flatten().quantile(0.95) < 5
    assert (fit.pose[:, :3] - own.pose[:, :3]).norm(dim=1).max() < 0.12
    assert (fit.scale / own.scale - 1).abs().max() < 0.08


def test_the_closed_form_camera_is_exact():
    random = torch.Generator().manual_seed(0)
    solid, vectors = torch.randn(12, 3, generator=random).double(), torch.randn(4, 3, generator=random).double()
    turn, scale = rotation_matrices(vectors), torch.rand(4, generator=random).double() + 1
    shift, weights = torch.randn(4, 2, generator=random).double(), torch.rand(4, 12, generator=random).double()
    flat = scale[:, None, None] * (solid @ turn.transpose(1, 2))[..., :2] + shift[:, None]
    for found, expected in zip(weak_perspective(solid, flat, weights), (turn, scale, shift), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
    torch.testing.assert_close(axis_angle(turn), vectors, atol=1e-9, rtol=0)
    torch.testing.assert_close(axis_angle(torch.eye(3)[None]), torch.zeros(1, 3))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"points": torch.zeros(2, 468, 2)}, r"points: expected shape \(B, 478, 2\)"),
        ({"identity_of": torch.tensor([0, 2])}, "identity_of: expected whole numbers from 0 to G - 1"),
        ({"identity_of": torch.tensor([0.0, 1.0])}, "identity_of: expected whole numbers"),
        ({"weights": torch.ones(2, 7)}, r"weights: expected shape \(2 or 1, 234 or 1\), got \(2, 7\)"),
    ],
)
def test_wrong_arguments_are_named(head, change, message):
    with pytest.raises(ValueError, match=message):
        LandmarkObjective(head, **{"points": torch.rand(2, 478, 2), **change})


@pytest.mark.cuda
def test_the_gpu_fits_as_the_cpu_does(points, fit):
    head = load_head("open").cuda()
    found = fit_landmarks(head, points.cuda(), torch.tensor([0, 1, 2]))
    objective = LandmarkObjective(head, points)
    errors = objective.errors(objective.from_fit(found)) - objective.errors(objective.from_fit(fit.to("cuda")))
    assert errors.abs().max() < 0.003 and (found.scale.cpu() / fit.scale - 1).abs().max() < 0.01
