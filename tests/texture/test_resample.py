"""Moving images: exact copies, the wavelet's low-pass filter against a slow formula, gradients."""

import math

import numpy as np
import pytest
import torch

from clipface.texture.ops.resample import SHIFT, SYM6, resample, resample_smoothly


def slow(image: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """One grey image [H, H], pixel by pixel: enlarge, look up, reduce."""
    size, taps = len(image), len(SYM6)
    padded = np.pad(image, taps, mode="symmetric")
    stuffed = np.zeros((2 * len(padded), 2 * len(padded)))
    stuffed[::2, ::2] = padded
    large = np.apply_along_axis(lambda row: np.convolve(row, SYM6 * 2**0.5), 1, stuffed)
    large = np.apply_along_axis(lambda column: np.convolve(column, SYM6 * 2**0.5), 0, large)
    start = 2 * taps + 5  # np.convolve puts tap 0 of pixel 0 there, tap 5 lies on the pixel's left half
    large = large[start : start + 2 * size, start : start + 2 * size]

    def look_up(x: float, y: float) -> float:
        total = 0.0
        for row in (math.floor(y), math.floor(y) + 1):
            for column in (math.floor(x), math.floor(x) + 1):
                weight = (1 - abs(y - row)) * (1 - abs(x - column))
                total += weight * large[fold(row, 2 * size), fold(column, 2 * size)]
        return total

    def source(n_x: int, n_y: int) -> tuple[float, float]:
        place = np.array([(n + 0.5 - SHIFT) / size - 1 for n in (n_x, n_y)])
        return tuple(float((value + 1) * size - 0.5 + SHIFT) for value in transform[:, :2] @ place + transform[:, 2])

    result = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            for a, down in enumerate(SYM6):
                for b, across in enumerate(SYM6):
                    result[i, j] += down * across / 2 * look_up(*source(2 * j + b - 5, 2 * i + a - 5))
    return result


def fold(place: int, size: int) -> int:
    while not 0 <= place < size:
        place = -1 - place if place < 0 else 2 * size - 1 - place
    return place


def test_smooth_moves_are_the_slow_formula():
    torch.manual_seed(0)
    images = torch.randn(1, 1, 8, 8, dtype=torch.float64)
    transform = torch.tensor([[[0.8, -0.5, 0.3], [0.4, 1.1, -0.2]]], dtype=torch.float64)
    wanted = torch.from_numpy(slow(images[0, 0].numpy(), transform[0].numpy()))
    torch.testing.assert_close(resample_smoothly(images, transform)[0, 0], wanted, atol=1e-5, rtol=0)


def test_a_smooth_move_that_is_none_keeps_the_picture():
    images = torch.randn(1, 3, 16, 16)
    same = resample_smoothly(images, torch.eye(2, 3)[None])
    torch.testing.assert_close(same[..., 3:-3, 3:-3], images[..., 3:-3, 3:-3], atol=1e-5, rtol=0)


def test_smooth_moves_hit_the_right_place():
    """A soft spot, turned by a quarter and moved by half a pixel, is where it should be."""
    place = torch.arange(32) - 15.5
    spot = lambda x, y: torch.exp(-((place - x) ** 2 + (place[:, None] - y) ** 2) / 18)  # noqa: E731
    quarter = torch.tensor([[[0.0, -1, 0.5 / 16], [1, 0, 0]]])
    # A place (x, y) of the result shows (-y + 0.5, x) of the image: the spot at (3, -5) is seen at (-5, -2.5).
    torch.testing.assert_close(
        resample_smoothly(spot(3, -5)[None, None], quarter)[0, 0], spot(-5, -2.5), atol=5e-3, rtol=0
    )


def test_shrinking_does_not_alias():
    """The finest stripes vanish when drawn at half their size; plain look-ups would show other stripes."""
    stripes = (torch.arange(32) % 2 * 2.0 - 1).expand(1, 1, 32, 32)
    smaller = resample_smoothly(stripes, torch.tensor([[[2.0, 0, 0.01], [0, 2, 0]]]))
    assert smaller[..., 10:22, 10:22].abs().max() < 0.35


@pytest.mark.parametrize(
    ("matrix", "wanted"),
    [
        ([[-1.0, 0, 0], [0, 1, 0]], lambda x: x.flip(3)),
        ([[0.0, -1, 0], [1, 0, 0]], lambda x: x.rot90(1, (2, 3))),
        ([[1.0, 0, 2 * 3 / 8], [0, 1, 0]], lambda x: torch.cat((x[..., 3:], x[..., 5:].flip(3)), 3)),
    ],
    ids=["flip", "quarter turn", "three pixels"],
)
def test_pixel_moves_are_copies(matrix, wanted):
    images = torch.randn(2, 3, 8, 8)
    moved = resample(images, torch.tensor([matrix, [[1.0, 0.2, 0], [0, 1, 0]]]), torch.tensor([True, False]))
    assert torch.equal(moved[:1], wanted(images[:1]))
    assert not torch.equal(moved[1], images[1])


def test_gradients_are_right_twice():
    torch.manual_seed(0)
    images = torch.randn(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    transform = torch.randn(2, 2, 3, dtype=torch.float64) * 0.7
    exact = torch.tensor([True, False])
    assert torch.autograd.gradcheck(lambda x: resample(x, transform, exact), images)
    assert torch.autograd.gradgradcheck(lambda x: resample(x, transform, exact), images)
