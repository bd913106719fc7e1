"""What is drawn over a background, in PyTorch."""

from torch import Tensor


def compose(drawn: Tensor, background: float | Tensor) -> tuple[Tensor, Tensor]:
    """Put what is drawn over a background (see `interface.Rasterizer`)."""
    drawn = drawn.permute(0, 3, 1, 2)
    colour, mask = drawn[:, :-1], drawn[:, -1:]
    return colour + (1 - mask) * background, mask
