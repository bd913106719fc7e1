from pathlib import Path

import numpy as np
import pytest
import torch

from clipface.head import HeadData, HeadModel
from clipface.head.model import rotation_matrices

GOLDEN_TOLERANCE = 1e-5  # metres, of heads 0.2 m high


def parameters(batch: int, head: HeadModel, dtype: torch.dtype = torch.float32, seed: int = 0) -> dict:
    generator = torch.Generator().manual_seed(seed)
    sizes = {"shape": 5, "expression": head.n_expression, "pose": 6, "neck_pose": 3, "eye_pose": 6}
    return {name: 0.4 * torch.randn(batch, size, generator=generator, dtype=dtype) for name, size in sizes.items()}


def slow_vertices(data: HeadData, values: dict) -> np.ndarray:
    """The definition, vertex by vertex, in float64: matrix exponentials and 4 by 4 matrices."""

    def turn(vector: np.ndarray) -> np.ndarray:
        x, y, z = vector
        return torch.linalg.matrix_exp(torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)).numpy()

    shape, expression, pose, neck, eyes = (values[k][0].double().numpy() for k in values)
    rest = data.v_template + data.shapedirs[..., : len(shape)] @ shape
    rest = rest + data.expression_dirs[..., : len(expression)] @ expression
    joints = data.J_regressor @ rest
    turns = [turn(v) for v in (pose[:3], neck, pose[3:], eyes[:3], eyes[3:])]
    posed = rest + data.posedirs @ np.concatenate([(matrix - np.eye(3)).ravel() for matrix in turns[1:]])
    world = []
    for joint, parent in enumerate(data.parents):
        local = np.eye(4)
        local[:3, :3] = turns[joint]
        local[:3, 3] = joints[joint] - (joints[parent] if joint else 0)
        world.append(world[parent] @ local if joint else local)
    result = np.zeros_like(posed)
    for index, point in enumerate(posed):
        for joint in range(5):
            moved = world[joint] @ np.append(point - joints[joint], 1)
            result[index] += data.weights[index, joint] * moved[:3]
    return result


def test_equals_the_usual_flame_layer(golden_head):
    with np.load(Path(__file__).parent.parent / "golden/flame_tiny/expected.npz") as file:
        given = {key: torch.from_numpy(file[key]) for key in file.files}
    wanted = given.pop("vertices")
    assert (golden_head(**given) - wanted).abs().max() < GOLDEN_TOLERANCE


def test_equals_the_definition_with_a_bent_neck(tube_data):
    head = HeadModel(tube_data).double()
    values = parameters(1, head, torch.float64)
    # The constants were rounded to float32 once.
    assert np.abs(head(**values)[0].numpy() - slow_vertices(tube_data, values)).max() < 1e-7


def test_gradients_are_exact_also_at_zero_rotation(tube_head, tube_data):
    head = HeadModel(tube_data).double()
    values = parameters(2, head, torch.float64)
    for name in ("pose", "neck_pose", "eye_pose"):
        values[name][0] = 0
    inputs = [value.requires_grad_() for value in values.values()]
    assert torch.autograd.gradcheck(lambda *given: head(*given)[:, ::7], inputs)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_rotations_equal_matrix_exponentials(dtype, tolerance):
    lengths = torch.tensor([0, 1e-12, 1e-4, 0.0099, 0.0101, 0.5, 3.1, 6.0], dtype=dtype)
    axes = torch.randn(8, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    axes = torch.nn.functional.normalize(axes, dim=1)
    vectors = axes * lengths[:, None]
    x, y, z = vectors.double().unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
    assert (rotation_matrices(vectors).double() - torch.linalg.matrix_exp(cross)).abs().max() < tolerance


def test_each_head_of_a_batch_is_as_it_is_alone(golden_head):
    values = parameters(3, golden_head)
    together = golden_head(**values)
    for index in range(3):
        alone = golden_head(**{name: value[index : index + 1] for name, value in values.items()})
        torch.testing.assert_close(together[index], alone[0], atol=1e-6, rtol=0)


def test_a_batch_of_one_goes_with_every_batch(tube_head):
    values = parameters(3, tube_head)
    values["shape"], values["eye_pose"] = values["shape"][:1], values["eye_pose"][:1]
    repeated = {name: value.expand(3, -1) for name, value in values.items()}
    torch.testing.assert_close(tube_head(**values), tube_head(**repeated))


def test_left_out_arguments_and_coefficients_are_zero(tube_head):
    torch.testing.assert_close(tube_head(), tube_head.v_template[None])
    few = torch.tensor([[0.5, -1.0]])
    padded = torch.nn.functional.pad(few, (0, tube_head.n_shape - 2))
    torch.testing.assert_close(tube_head(few), tube_head(padded))
    assert tube_head(pose=torch.zeros(4, 6)).shape == (4, *tube_head.v_template.shape)


def test_autocast_does_not_lower_the_precision(tube_head):
    values = parameters(2, tube_head)
    with torch.autocast("cpu", torch.bfloat16):
        inside = tube_head(**{name: value.bfloat16() for name, value in values.items()})
    wanted = tube_head(**{name: value.bfloat16().float() for name, value in values.items()})
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, wanted)


def test_wrong_arguments_are_named(tube_head):
    with pytest.raises(ValueError, match="shape: expected at most the 7 coefficients .* got 8"):
        tube_head(shape=torch.zeros(1, 8))
    with pytest.raises(ValueError, match="expression: expected at most the 4"):
        tube_head(expression=torch.zeros(1, 5))
    with pytest.raises(ValueError, match="pose: expected shape"):
        tube_head(pose=torch.zeros(1, 5))
    with pytest.raises(ValueError, match="batch: .* shape 2, .*|batch: .*pose 3"):
        tube_head(shape=torch.zeros(2, 3), pose=torch.zeros(3, 6))
    with pytest.raises(TypeError, match="eye_pose"):
        tube_head(eye_pose=[0.0] * 6)


def test_constants_are_in_no_checkpoint_and_move_with_the_module(tube_data):
    head = HeadModel(tube_data)
    assert not head.state_dict() and not list(head.parameters())
    assert head.double()().dtype == torch.float64
    assert head.to("meta").faces.device.type == "meta" and head.regions["top"].device.type == "meta"


def test_landmarks_lie_on_their_faces(tube_head, tube_data):
    vertices = tube_head(**parameters(2, tube_head))
    points = tube_head.landmarks(vertices)
    corners = vertices[1, torch.from_numpy(tube_data.faces[5])]
    weights = torch.from_numpy(tube_data.landmark_barycentric[5]).float()
    assert points.shape == (2, 68, 3)
    torch.testing.assert_close(points[1, 5], weights @ corners)
    with pytest.raises(ValueError, match="vertices"):
        tube_head.landmarks(vertices[:, 1:])


def test_a_head_without_side_files_says_what_is_missing(golden_head):
    with pytest.raises(ValueError, match="head_template.obj"):
        _ = golden_head.uv
    with pytest.raises(ValueError, match="landmark_embedding.npy"):
        golden_head.landmarks(golden_head())
    assert golden_head.regions == {}


def test_precision_is_the_inverse_covariance_and_finite_for_still_slots(tube_head, golden_head):
    precision = tube_head.expression_precision
    assert torch.isfinite(precision).all()
    torch.testing.assert_close(precision.diag()[:2], torch.tensor([1.0, 0.5]), rtol=0.02, atol=0)
    assert precision[2, 2] > 50 * precision[0, 0]
    torch.testing.assert_close(golden_head.expression_precision, torch.eye(100))


def test_precision_of_slots_that_always_move_together_is_positive(tube_data):
    tube_data.expression_covariance = np.ones((4, 4))
    precision = HeadModel(tube_data).expression_precision
    assert torch.linalg.eigvalsh(precision.double()).min() > 0
