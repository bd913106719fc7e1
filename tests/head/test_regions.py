import pytest
import torch

from clipface.head.regions import region_mask, region_texture_mask


def test_regions_are_joined(tube_head):
    both = region_mask(tube_head, ["top", "bottom"])
    assert torch.equal(both, tube_head.regions["top"] | tube_head.regions["bottom"]) and not both.all()
    with pytest.raises(ValueError, match="expected one or more of bottom, top, got lips"):
        region_mask(tube_head, ["top", "lips"])
    with pytest.raises(ValueError, match="got nothing"):
        region_mask(tube_head, [])


def test_the_texture_mask_lies_where_the_region_does(tube_head):
    """The tube's top two rings have v from 0.8 to 1, so the region is the upper fifth of the image."""
    mask = region_texture_mask(tube_head, "top", 200)
    assert mask.shape == (1, 200, 200) and mask.min() == 0 and mask.max() == 1
    assert (mask[0, :34] > 0.99).all() and (mask[0, 46:] < 0.01).all()
    assert mask[0, 40].mean() == pytest.approx(0.5, abs=0.15), "the border is soft"
    hard = region_texture_mask(tube_head, "top", 200, feather=0)
    assert hard.mean() == pytest.approx(0.2, abs=0.004)
