import pytest
import torch

from clipface.head.regions import region_mask
from clipface.render.uv import UVMap


def test_regions_are_joined(tube_head):
    both = region_mask(tube_head, ["top", "bottom"])
    assert torch.equal(both, tube_head.regions["top"] | tube_head.regions["bottom"]) and not both.all()
    with pytest.raises(ValueError, match="expected one or more of bottom, top, got lips"):
        region_mask(tube_head, ["top", "lips"])
    with pytest.raises(ValueError, match="got nothing"):
        region_mask(tube_head, [])


def test_the_texture_mask_lies_where_the_region_does(tube_head):
    """The tube's top two rings have v from 0.8 to 1, so the region is the upper fifth of the image."""
    uv_map = UVMap(tube_head, 200)
    mask = uv_map.region(["top"])
    assert mask.shape == (200, 200) and mask.dtype == torch.bool
    assert mask[:40].all() and not mask[40:].any()
    assert not uv_map.region(["lips"]).any(), "a region that the head lacks is empty"
