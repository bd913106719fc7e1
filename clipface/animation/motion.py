"""A head in motion: what changes from frame to frame, and how much each frame matters.

Rotations are interpolated and smoothed as rotations, not number by number.
"""

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation
from torch import Tensor

from clipface.shapes import expect

PARTS = ("expression", "pose", "neck_pose", "eye_pose")
SMOOTHING = 0.04  # seconds; takes half of a fit's noise at 30 frames a second and leaves a blink
MOST_RATE = 10_000  # frames per second
MOST_FRAMES = 60_000  # of a motion that is made from less: half an hour at 30 frames a second
MOST_BETWEEN = 20  # frames made from each given one, in longer motions
STILL = 1e-6  # relative differences of importance below this are rounding
NO_EXPRESSION = ("eyeBlink", "eyeLook")  # beginnings of the slots that move without any mood


@dataclass(frozen=True, eq=False)
class Motion:
    """T frames at an even rate, of one head model; float32. On the CPU, unless moved by `to`.

    Attributes:
        expression: [T, E], all E coefficients of the head; of a named slot the strength, 0 to 1.
        pose: [T, 6] axis-angle of the whole head (3) and the jaw (3), radians, in the head frame: x to the image's
            right, y up, z to the viewer. About x, positive angles look down and open the jaw; about y they look to
            the image's right; about z they lean to the image's left.
        neck_pose: [T, 3] axis-angle of the head on its neck, radians.
        eye_pose: [T, 6] axis-angle of left (3) and right (3) eye, radians.
        rate: frames per second.
        expression_names: of the first expression slots, as the head has them; empty if they have no names.

    Raises:
        ValueError: for shapes that do not fit, no frames, numbers that are not finite (names the frame), or a rate that
            is not positive.
    """

    expression: Tensor
    pose: Tensor
    neck_pose: Tensor
    eye_pose: Tensor
    rate: float
    expression_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frames = expect("expression", self.expression, ("T", "E"))["T"]
        for name, size in zip(PARTS[1:], (6, 3, 6), strict=True):
            expect(name, getattr(self, name), (frames, size))
        if not frames:
            raise ValueError("motion: expected at least one frame, got none")
        for name, part in zip(PARTS, self.parts, strict=True):
            bad = ~torch.isfinite(part).all(1)
            if bad.any():
                raise ValueError(f"{name}: expected finite numbers, got others in frame {int(bad.nonzero()[0])}")
        check_rate(self.rate)

    def __len__(self) -> int:
        return len(self.expression)

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The tensors, in the order of `PARTS`."""
        return tuple(getattr(self, name) for name in PARTS)

    @property
    def times(self) -> Tensor:
        """[T] float64, seconds from the first frame."""
        return torch.arange(len(self), dtype=torch.float64) / self.rate

    def rows(self, which: slice | Tensor | Sequence[int]) -> "Motion":
        """Some frames, taken to follow each other at the same rate."""
        return replace(self, **{name: part[which] for name, part in zip(PARTS, self.parts, strict=True)})

    def to(self, device: torch.device | str) -> "Motion":
        """The same on another device."""
        return replace(self, **{name: part.to(device) for name, part in zip(PARTS, self.parts, strict=True)})

    def resampled(self, rate: float) -> "Motion":
        """The same at another rate: it begins with the same frame and is not longer than before.

        Coefficients are interpolated linearly, rotations along the shortest turn.

        Args:
            rate: frames per second.
        """
        check_rate(rate)
        if rate == self.rate:
            return self
        return sampled(self.times.numpy(), self, rate)

    def smoothed(self, seconds: float = SMOOTHING) -> "Motion":
        """The same with less noise: each frame becomes a Gaussian mean of those before and after, so nothing lags.

        Args:
            seconds: standard deviation of the Gaussian; 0 changes nothing.

        Raises:
            ValueError: if `seconds` is negative or not finite.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"seconds: expected 0 or more, got {seconds}")
        sigma = seconds * self.rate
        if not sigma:
            return self
        expression, *turns = _arrays(self)
        changed = [smooth_values(expression, sigma), *(smooth_rotations(part, sigma) for part in turns)]
        return _replaced(self, changed, self.rate)


def check_rate(rate: float) -> None:
    """Refuse a rate that is no positive number."""
    number = isinstance(rate, int | float) and not isinstance(rate, bool)
    if not (number and 0 < rate <= MOST_RATE):
        expected = f"a positive number of frames per second, at most {MOST_RATE}"
        raise ValueError(f"rate: expected {expected}, got {reprlib.repr(rate)}")


def sampled(times: np.ndarray, motion: Motion, rate: float, end: float | None = None) -> Motion:
    """Interpolate frames at any times onto even ones.

    Args:
        times: [T] seconds, increasing, of the frames in `motion`, whose own rate is not looked at.
        motion: T frames.
        rate: of the result, frames per second.
        end: seconds; the last time of the result is not after it. None: the last of `times`. The result begins at 0
            if `end` is given and with the first of `times` otherwise; frames outside of `times` repeat the nearest.
    """
    first = times[0] if end is None else 0.0
    last = times[-1] if end is None else end
    if (last - first) * rate > max(MOST_FRAMES, MOST_BETWEEN * len(times)):
        raise ValueError(f"rate: expected at most {MOST_FRAMES} frames, got {last - first:g} s at {rate:g} a second")
    count = int((last - first) * rate + 1e-6) + 1  # a frame that rounding puts after the end is one
    even = np.clip(first + np.arange(count) / rate, times[0], times[-1])
    below = np.clip(np.searchsorted(times, even, "right") - 1, 0, max(len(times) - 2, 0))
    above = np.minimum(below + 1, len(times) - 1)
    share = np.where(above > below, (even - times[below]) / np.maximum(times[above] - times[below], 1e-12), 0.0)
    expression, *turns = _arrays(motion)
    expression = expression[below] * (1 - share)[:, None] + expression[above] * share[:, None]
    return _replaced(motion, [expression, *(slerp(part, below, above, share) for part in turns)], rate)


def importance(motion: Motion, smoothing: float = 0.0, head_rotation: bool = True) -> Tensor:
    """How much of an animated edit each frame gets: its squared distance from the neutral face, brought to 0..1.

    The distance is that of expression and pose of head and jaw. Slots that are known by name as blinks or gaze are left
    out: an edit must not flash up whenever the eyes close. A motion whose frames are all equally far from neutral gets
    ones, or zeros if it is neutral throughout.

    Args:
        motion: on any device.
        smoothing: seconds, standard deviation of a Gaussian over time, after which the smallest is brought to 0 and the
            largest to 1 again; so an edit follows moods and not each syllable.
        head_rotation: whether the head's rotation counts; not for the authors' mappers, whose neutral face keeps each
            frame's own.

    Returns:
        [T] in 0..1, on the motion's device.

    Source: Aneja et al., "ClipFace" (2023), section 3.4; the blinks and the smoothing are ours.
    """
    kept = [i for i in range(motion.expression.shape[1]) if not _name(motion, i).startswith(NO_EXPRESSION)]
    pose = motion.pose if head_rotation else motion.pose[:, 3:]
    square = torch.cat([motion.expression[:, kept], pose], 1).double().square().sum(1)
    if smoothing:
        smooth = smooth_values(square[:, None].cpu().numpy(), smoothing * motion.rate)[:, 0]
        square = torch.from_numpy(smooth).to(square.device)
    low, high = square.min(), square.max()
    if high - low <= STILL * high:
        return torch.full_like(square, float(high > 0)).float()
    return ((square - low) / (high - low)).float()


def _arrays(motion: Motion) -> list[np.ndarray]:
    return [part.detach().double().cpu().numpy() for part in motion.parts]


def _replaced(motion: Motion, arrays: Sequence[np.ndarray], rate: float) -> Motion:
    tensors = (torch.from_numpy(array).to(motion.expression) for array in arrays)
    return replace(motion, rate=float(rate), **dict(zip(PARTS, tensors, strict=True)))


def _name(motion: Motion, slot: int) -> str:
    return motion.expression_names[slot] if slot < len(motion.expression_names) else ""


def slerp(axis_angles: np.ndarray, below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Interpolate along the shortest turn between pairs of frames.

    Args:
        axis_angles: [T, 3 K] of K joints, radians.
        below, above: [N] frames to interpolate between.
        share: [N] in 0..1, 0 at `below`.

    Returns:
        [N, 3 K], angles up to pi. Frames met exactly come back as they are.
    """
    result = np.empty((len(below), axis_angles.shape[1]))
    for start in range(0, axis_angles.shape[1], 3):
        turns = axis_angles[:, start : start + 3]
        first, second = Rotation.from_rotvec(turns[below]), Rotation.from_rotvec(turns[above])
        between = first * Rotation.from_rotvec((first.inv() * second).as_rotvec() * share[:, None])
        result[:, start : start + 3] = between.as_rotvec()
        for frame, at in ((below, 0), (above, 1)):
            exact = share == at
            result[exact, start : start + 3] = turns[frame[exact]]
    return result


def smooth_values(values: np.ndarray, sigma: float) -> np.ndarray:
    """Filter [T, N] over time with a Gaussian of `sigma` frames; the first and last frame go on beyond the ends."""
    return gaussian_filter1d(values, sigma, axis=0, mode="nearest")


def smooth_rotations(axis_angles: np.ndarray, sigma: float) -> np.ndarray:
    """Filter rotations [T, 3 K] over time with a Gaussian of `sigma` frames.

    Unit quaternions are averaged, which near each other is the mean rotation. A joint that never moves stays as it is.
    """
    result = axis_angles.copy()
    for start in range(0, axis_angles.shape[1], 3):
        turns = axis_angles[:, start : start + 3]
        if (turns == turns[0]).all():
            continue
        quaternions = Rotation.from_rotvec(turns).as_quat()
        # q and -q are one rotation; neighbours must be on the same side to be averaged.
        flips = np.where((quaternions[1:] * quaternions[:-1]).sum(1) < 0, -1.0, 1.0)
        quaternions[1:] *= np.cumprod(flips)[:, None]
        result[:, start : start + 3] = Rotation.from_quat(smooth_values(quaternions, sigma)).as_rotvec()
    return result
