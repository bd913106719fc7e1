"""Carriers: any sizes, batches, gradients; what lies where."""

import pytest
import torch

from clipface import weights
from clipface.texture.carry import Carrier, read_head_map


def places(size, change=lambda x, y: (x, y)):
    step = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(step, step, indexing="ij")
    return torch.stack(change(x, y), 2)


@pytest.mark.parametrize("side", [16, 32, 128])
def test_the_same_map_leaves_textures_as_they_are(side):
    texture = torch.rand(1, 3, 32, 32)
    carried = Carrier(places(side), torch.ones(side, side))(texture.clone(), 32)
    if side == 32:
        torch.testing.assert_close(carried, texture, atol=1e-5, rtol=0)
    smooth = torch.nn.functional.avg_pool2d(texture, 5, 1, 2, count_include_pad=False)
    kept = Carrier(places(side), torch.ones(side, side))(smooth, 32)
    assert (kept - smooth).abs().mean() < 0.05


def test_sides_are_exchanged_as_the_map_says():
    texture = torch.rand(2, 4, 16, 16)
    carrier = Carrier(places(16, lambda x, y: (1 - x, y)), torch.ones(16, 16))
    torch.testing.assert_close(carrier(texture), texture.flip(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(carrier(texture)[1:], carrier(texture[1:]))


def test_a_finer_texture_is_averaged_not_sampled():
    stripes = (torch.arange(256) % 2).float().expand(1, 1, 256, 256)
    carried = Carrier(places(16), torch.ones(16, 16))(stripes, 8)
    assert carried.min() > 0.3 and carried.max() < 0.7


def test_gradient_reaches_the_texture():
    texture = torch.rand(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    carrier = Carrier(places(8, lambda x, y: (y, 0.9 * x)), torch.ones(8, 8))
    assert torch.autograd.gradcheck(lambda t: carrier(t, 4), texture)


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="make it by scripts/transfer_texture.py"):
        read_head_map(tmp_path / "none.safetensors")
    weights.save(tmp_path / "other.safetensors", {"mean": torch.zeros(1)}, {})
    with pytest.raises(ValueError, match="expected one that scripts/transfer_texture.py made"):
        read_head_map(tmp_path / "other.safetensors")
