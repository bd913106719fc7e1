"""Edits of a texture that has more detail than a generator can make: a photograph's."""

from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect

COVERED = (0.1, 0.5)  # changes of colour, mean of the channels, from which an edit covers skin in part, and wholly


def keep_detail(detail: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Change a texture as an edit changes the generator's nearest one, so that pores, moles and stubble stay.

    The difference is added; the larger it is, the less stays of what the generator cannot make, else stubble and
    blotches shine through masks of paint. Ratios of colours instead turn dark detail into coloured speckles.

    Args:
        detail: [B|1, 3, S, S] in 0..1, the texture to edit.
        before, after: [B, 3, R, R] in 0..1, the generator's textures without and with the edit.

    Returns:
        [B, 3, S, S] in 0..1: the bits of `detail` wherever `before` and `after` agree.
        Gradient: to all three; none where a colour is cut off at 0 or 1.
    """
    expect("before", before, ("B", 3, "R", "R"))
    expect("after", after, before.shape)
    side = expect("detail", detail, ("D", 3, "S", "S"))["S"]
    change = after - before
    least, most = COVERED
    covered = ((change.abs().mean(1, keepdim=True) - least) / (most - least)).clamp(0, 1)
    own = detail - resized(before, side, "bicubic")
    # A cover of bilinear weights stays in 0..1, and both terms are exactly 0 where nothing changes.
    return (detail + resized(change, side, "bicubic") - resized(covered, side, "bilinear") * own).clamp(0, 1)


def resized(image: Tensor, side: int, mode: str = "bilinear") -> Tensor:
    """Textures [B, C, S, S] as [B, C, side, side], shrunk without aliasing; of that size already, the same tensor."""
    if image.shape[-1] == side:
        return image
    return functional.interpolate(image, (side, side), mode=mode, align_corners=False, antialias=True)
