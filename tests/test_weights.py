import pytest
import torch

from clipface import weights


def test_round_trip_full_and_half(tmp_path):
    tensors = {"a": torch.randn(3, 4), "steps": torch.tensor([7])}
    for half, tolerance in ((False, 0.0), (True, 2e-3)):
        path = weights.save(tmp_path / f"{half}.safetensors", tensors, {"width": 4}, half=half)
        read, config = weights.load(path)
        assert config == {"width": 4}
        assert read["a"].dtype == torch.float32 and read["steps"].dtype == torch.int64
        torch.testing.assert_close(read["a"], tensors["a"], atol=tolerance, rtol=tolerance)
    assert not list(tmp_path.glob("*.partial"))


def test_cut_off_file_is_named(tmp_path):
    path = weights.save(tmp_path / "w.safetensors", {"a": torch.randn(64, 64)}, {})
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="w.safetensors is cut off"):
        weights.load(path)


def test_missing_description_is_named(tmp_path):
    path = weights.save(tmp_path / "w.safetensors", {"a": torch.zeros(1)}, {})
    path.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError, match="w.json"):
        weights.load(path)


def test_broken_description_is_named(tmp_path):
    path = weights.save(tmp_path / "w.safetensors", {"a": torch.zeros(1)}, {})
    path.with_suffix(".json").write_text('{"width": ')
    with pytest.raises(ValueError, match="w.json is not valid JSON"):
        weights.load(path)


def test_wrong_names_and_shapes_are_named():
    layer = torch.nn.Linear(2, 3)
    with pytest.raises(ValueError, match="missing: bias; not known: bios"):
        weights.load_into(layer, {"weight": torch.zeros(3, 2), "bios": torch.zeros(3)}, "layer")
    with pytest.raises(ValueError, match=r"weight: expected shape \(3, 2\), got \(2, 2\)"):
        weights.load_into(layer, {"weight": torch.zeros(2, 2), "bias": torch.zeros(3)}, "layer")


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ValueError, match="safetensors"):
        weights.save(tmp_path / "w.pt", {}, {})


def test_a_score_that_was_never_measured_is_null(tmp_path):
    file = weights.save(
        tmp_path / "a.safetensors", {"a": torch.zeros(1)}, {"scores": [1.0, float("nan")], "b": {"c": float("inf")}}
    )
    assert weights.load_config(file) == {"scores": [1.0, None], "b": {"c": None}}
