"""Edits of a texture that has more detail than a generator can make: a photograph's."""

from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect


def keep_detail(detail: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Change a texture as an edit changes the generator's nearest one, so that pores, moles and stubble stay.

    Args:
        detail: [B|1, 3, S, S] in 0..1, the texture to edit.
        before, after: [B, 3, R, R] in 0..1, the generator's textures without and with the edit.

    Returns:
        [B, 3, S, S] in 0..1: the bits of `detail` wherever `before` and `after` agree.
        Gradient: to all three; none where a colour is cut off at 0 or 1.
    """
    sizes = expect("before", before, ("B", 3, "R", "R"))
    expect("after", after, before.shape)
    side = expect("detail", detail, ("D", 3, "S", "S"))["S"]
    change = after - before
    if side != sizes["R"]:
        change = functional.interpolate(change, (side, side), mode="bicubic", align_corners=False, antialias=True)
    return (detail + change).clamp(0, 1)
