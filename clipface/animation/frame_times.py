"""When frames were taken, and at what even rate to play them."""

import re
import warnings
from pathlib import Path

import numpy as np

MOST_GAP = 0.25  # seconds without a frame that a blend may hide; an expression can come and go in half a second
STANDARD = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0)  # frames per second
NEAR = 0.02  # relative distance at which a rate is taken for a standard one
ONE_FRAME = 30.0  # frames per second of what has one frame, which stays for any time
PHONE = 60.0  # frames per second of ARKit, which time codes of less than a second leave open
IRREGULAR, MOST_IRREGULAR = 0.5, 0.25  # of the usual interval; share of such intervals that still is one rate
SHIFTED = 0.1  # of an interval; frames that are off by less are not moved
GIVE_RATE = "give rate=25 to a trainer, --rate 25 to a script"  # the remedy where a motion does not say its own


def seconds_of(path: Path, cells: list[str]) -> np.ndarray:
    """Read times.

    Args:
        path: of the file, for messages.
        cells: of each frame, below one line of names: seconds, hh:mm:ss.fraction, or a time code hh:mm:ss:ff.fraction.

    Returns:
        [T] seconds from the first frame.

    Raises:
        ValueError: for other text, or times that do not increase; names the line.
    """
    parts = []
    for line, cell in enumerate(cells, 2):
        words = re.split(r"[:;]", cell.strip())
        try:
            parts.append([float(word) for word in words])
        except ValueError:
            parts.append([])
        if len(parts[-1]) not in (1, 3, 4) or len(parts[-1]) != len(parts[0]) or not np.isfinite(parts[-1]).all():
            expected = "a time code hh:mm:ss:ff as in the first line, or seconds"
            raise ValueError(f"{path}: line {line}: expected {expected}, got {cell!r}")
    table = np.array(parts)
    clock = table[:, : min(table.shape[1], 3)]
    times = clock @ np.array([3600.0, 60.0, 1.0])[-clock.shape[1] :]
    if table.shape[1] == 4:
        times = times + table[:, 3] / _code_rate(path, times, table[:, 3])
    late = np.flatnonzero(np.diff(times) <= 0)
    if late.size:
        at = late[0] + 1
        raise ValueError(f"{path}: line {at + 2}: expected a later time than the line before, got {cells[at]}")
    return times - times[0]


def _code_rate(path: Path, seconds: np.ndarray, frames: np.ndarray) -> float:
    """Frames per second that time codes count, known from the count when a second is full."""
    full = np.flatnonzero(np.diff(seconds) == 1)
    same = np.diff(seconds) == 0
    step = np.median(np.diff(frames)[same]) if same.any() else 1.0
    # Frames dropped where a second is full make the count smaller, so the largest is right.
    counted = max((frames[full] + step - frames[full + 1]).max(initial=0), frames.max())
    rate = min(STANDARD, key=lambda standard: abs(standard - counted))
    if not full.size or abs(rate - counted) > 1:
        rate = max(PHONE, float(np.floor(frames.max()) + 1))
        warnings.warn(f"{path}: its time codes do not say their frames per second; {rate:g} are taken", stacklevel=5)
    return rate


def rounded_rate(rate: float) -> float:
    """The usual rate in frames per second that is meant by a measured one (29.97 becomes 30), or else that itself."""
    nearest = min(STANDARD, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest / rate - 1) < NEAR else rate


def even_rate(path: Path, times: np.ndarray) -> tuple[float, bool]:
    """Find the rate of frames at nearly even times.

    Dropped frames are warned of: up to `MOST_GAP` they can be interpolated.

    Args:
        path: of the file, for messages.
        times: [T] seconds, increasing.

    Returns:
        Frames per second, and whether the times already are even.

    Raises:
        ValueError: for a longer gap, or when more than a quarter of the intervals are half as long again as usual, or
            only half as long: then there is no one rate.
    """
    if len(times) < 2:
        return ONE_FRAME, True
    intervals = np.diff(times)
    usual = float(np.median(intervals))
    _check_even(path, times, intervals, usual)
    steps = np.maximum(np.round(intervals / usual), 1)
    # The mean over all frames: a single interval is rounded to the file's last digit.
    rate = rounded_rate(float(steps.sum() / (times[-1] - times[0])))
    dropped = int((steps - 1).sum())
    if dropped:
        first = times[int((steps > 1).argmax())]
        warnings.warn(
            f"{path}: {dropped} of {int(steps.sum()) + 1} frames were dropped, the first after {first:.2f} s; they are "
            "interpolated",
            stacklevel=4,
        )
    even = np.abs(times - times[0] - np.arange(len(times)) / rate).max() * rate < SHIFTED
    return rate, bool(even)


def _check_even(path: Path, times: np.ndarray, intervals: np.ndarray, usual: float) -> None:
    """Refuse long gaps and mixed rates."""
    gap = int(intervals.argmax())
    if intervals[gap] > MOST_GAP + usual:
        between = f"between {times[gap]:.2f} s and {times[gap + 1]:.2f} s"
        raise ValueError(
            f"{path}: expected frames without a gap longer than {MOST_GAP} s, got none {between}; cut the recording in "
            "two there"
        )
    irregular = np.abs(intervals / usual - 1) > IRREGULAR
    if irregular.mean() > MOST_IRREGULAR:
        low, high = (1 / np.quantile(intervals, share) for share in (0.9, 0.1))
        raise ValueError(
            f"{path}: expected one frame rate, got {low:.3g} to {high:.3g} frames per second; export at one rate"
        )
