"""The painted inside of the mouth, on the open head."""

import pytest
import torch

from clipface.head import load_head
from clipface.synthetic.attributes import Attributes
from clipface.synthetic.face.mouth import Arch
from clipface.synthetic.painter import Painter

SIZE = 256


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter(load_head(), SIZE)


@pytest.fixture(scope="module")
def colours(painter) -> dict[str, torch.Tensor]:
    """Mean colour [3] of each part of the mouth, over four painted faces, and of its foremost and hindmost third."""
    textures = painter.paint([Attributes()] * 4, torch.Generator().manual_seed(0)).mean(0)
    masks, depth = painter.features.surface.masks, painter.features.position[..., 2]
    found = {}
    for name in ("teeth", "tongue", "mouth_interior"):
        inside = masks[name][0, 0] > 0.99
        near, far = (depth[inside].quantile(share) for share in (0.67, 0.33))
        found[name] = textures[:, inside & (depth > near)].mean(1)
        found[f"{name}, far"] = textures[:, inside & (depth < far)].mean(1)
    return found


def test_the_tongue_is_red_teeth_are_pale_and_the_throat_is_dark(colours):
    red, green, blue = colours["tongue"]
    assert red > 1.6 * green and red > 1.6 * blue and red > 0.35
    assert colours["teeth"].mean() > 1.4 * colours["tongue"].mean()
    for part in ("teeth", "tongue", "mouth_interior"):
        assert colours[f"{part}, far"].mean() < 0.6 * colours[part].mean()
    assert colours["mouth_interior, far"].max() < 0.12


def test_teeth_are_single(painter):
    at = painter.features
    row = at.surface.masks["upper_teeth"][0, 0] > 0.5
    arch = Arch(at.position, row, upper=True)
    front = row & (at.position[..., 2] > at.position[row][:, 2].quantile(0.6)) & (arch.crown[0, 0] < 0.6)
    x = at.position[..., 0][front]
    middle, beside = x.abs() < 1.5, (x.abs() - 4.2).abs() < 1
    gaps = arch.gaps[0, 0][front]
    assert gaps[middle].mean() > 3 * gaps[beside].mean(), "one gap in the middle, a tooth to either side"
