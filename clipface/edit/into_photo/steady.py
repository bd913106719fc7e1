"""What is found in each frame of a video, kept from flickering."""

from torch import Tensor
from torch.nn import functional

SHARE = 0.25  # of the newest frame in the running mean


class Steady:
    """Running means over the frames of a video, in images that follow the head."""

    def __init__(self) -> None:
        self._means: dict[str, Tensor] = {}

    def __call__(self, name: str, values: Tensor) -> Tensor:
        """Add a frame's values [1, C, h, w], of any size, to the mean of that name, and return it."""
        if name in self._means:
            before = functional.interpolate(self._means[name], values.shape[-2:], mode="bilinear", align_corners=False)
            values = before.lerp(values, SHARE)
        self._means[name] = values
        return values
