import numpy as np
import pytest
import torch

from clipface.head import HeadModel, load_head, read_open_head


@pytest.fixture
def written(open_arrays, tmp_path):
    def write(**changes):
        kept = {key: value for key, value in {**open_arrays, **changes}.items() if value is not None}
        np.savez_compressed(tmp_path / "head.npz", **kept)
        return tmp_path / "head.npz"

    return write


def test_reads_the_format_and_fills_unused_slots(written, open_arrays, golden_head):
    head = load_head("open", written())
    assert (head.n_shape, head.n_expression, len(head.expression_names)) == (300, 100, 86)
    assert head.expression_precision.shape == (100, 100) and torch.isfinite(head.expression_precision).all()
    assert head.uv.shape == open_arrays["vt"].shape and head.faces.dtype == torch.int32
    assert head.regions["face"].tolist() == open_arrays["region_masks"][0].tolist()
    assert head.landmarks(head()).shape == (1, 68, 3)
    torch.testing.assert_close(head.weights.sum(dim=1), torch.ones(len(head.weights)), atol=1e-6, rtol=0)
    expression, pose = torch.zeros(1, 100), torch.tensor([[0.1, 0.2, 0.0, 0.3, 0.0, 0.0]])
    still = head(expression=expression, pose=pose)
    expression[0, 90] = 5
    torch.testing.assert_close(head(expression=expression, pose=pose), still)
    # The same head, but for float16.
    few = 0.5 * torch.ones(1, 10)
    torch.testing.assert_close(head(few, few, pose), golden_head(few, few, pose), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"posedirs": None}, "posedirs .*missing"),
        ({"shapedirs": np.zeros((90, 3, 300), np.float16)}, "shapedirs: shape"),
        ({"shapedirs": np.zeros((90, 3, 401), np.float16)}, "shapedirs: shape"),
        ({"shapedirs": np.zeros((91, 3, 386), np.float16)}, "shapedirs: shape"),
        ({"region_masks": np.zeros((2, 91), bool)}, "region_masks: shape"),
        ({"expression_covariance": np.eye(85)}, "expression_covariance: shape"),
        ({"weights": np.zeros((90, 5), np.float16)}, "weights: rows"),
        ({"vt": np.array([{}])}, "cut off or no .npz"),
        ({"kintree_table": np.array(3)}, "kintree_table"),
    ],
)
def test_a_damaged_file_is_explained(written, changes, message):
    with pytest.raises(ValueError, match=message.replace(": ", ": expected ")):
        read_open_head(written(**changes))


def test_a_cut_off_file_is_explained(written, tmp_path):
    whole = written().read_bytes()
    for share in (0, 0.01, 0.5, 0.999):
        (tmp_path / "cut.npz").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match="cut off"):
            read_open_head(tmp_path / "cut.npz")
    middle = len(whole) // 2
    (tmp_path / "cut.npz").write_bytes(whole[:middle] + bytes(64) + whole[middle + 64 :])
    with pytest.raises(ValueError, match="cut off"):
        read_open_head(tmp_path / "cut.npz")


def test_a_missing_file_and_a_wrong_name_are_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="build_open_head.py"):
        load_head("open", tmp_path / "none.npz")
    with pytest.raises(ValueError, match="expected 'open' or 'flame', got 'closed'"):
        load_head("closed")


def test_the_shipped_head_is_a_head():
    head = load_head("open")
    vertices = head(torch.zeros(1, 300), torch.zeros(1, 100))[0]
    low, high = vertices.amin(0), vertices.amax(0)
    assert isinstance(head, HeadModel) and ((high - low) < 0.5).all() and ((high - low) > 0.1).all()
    points = head.landmarks(vertices[None])[0]
    assert points[8, 1] < points[30, 1] < points[19, 1], "chin, tip of the nose and brow, from below"
    assert points[30, 2] > points[0, 2], "the nose points along z"
    assert points[36, 0] < points[45, 0], "the head's right eye is left in the image"
    opened = head.landmarks(head(pose=torch.tensor([[0, 0, 0, 0.3, 0, 0]])))[0]
    assert (points[8] - opened[8])[1] > 0.01, "turning the jaw about x lowers the chin"
    assert torch.isfinite(head.expression_precision).all()
    assert torch.linalg.eigvalsh(head.expression_precision.double()).min() > 0
    assert {"face", "neck", "lips", "nose", "scalp"} <= head.regions.keys()
    assert 0 <= head.uv.min() and head.uv.max() <= 1
