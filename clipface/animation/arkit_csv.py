"""ARKit's 52 blend-shape weights of every frame, as face capture on a phone writes them (Live Link Face's CSV).

The open head has these shapes as expression slots, so weights become strengths as they are. That holds for `jawOpen`,
which is a slot there, and for the gaze: the eyes' angles in such files say it a second time and are not read.

Source of the head's angles: Unreal Engine's `FRotator` (left-handed; x forward, y right, z up) of ARKit's face anchor,
whose own axes are those of our head frame. HeadYaw > 0 turns to the image's left, HeadPitch > 0 down, HeadRoll > 0
leans to the image's right; radians; yaw is outermost, roll innermost.
"""

import csv
import re
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from clipface.animation.frame_times import even_rate, seconds_of
from clipface.animation.motion import Motion, sampled
from clipface.head import HeadModel
from clipface.head.expressions import ARKIT_NAMES, has_arkit

SUFFIXES = (".csv",)
SHAPES = len(ARKIT_NAMES)
OPTIONAL = {"tongueout"}  # MediaPipe and phones before iOS 12 do not measure it
TIME = ("timecode", "time", "timestamp")
ANGLES = ("headyaw", "headpitch", "headroll")
WEIGHTS = (-0.2, 1.5)  # calibrated weights leave 0..1 a little; others are percentages, or no weights
MOST_ANGLE = 2 * np.pi


def read_arkit(path: Path, head: HeadModel, rate: float | None = None) -> Motion:
    """Read a table of blend-shape weights; see `load_motion`.

    Columns are found by name: EyeBlinkLeft, eyeBlinkLeft, eyeBlink_L; others are left out. Without a column of times,
    `rate` is the file's.

    Raises:
        ValueError: if the head has no such slots, shapes are missing, lines are cut off, numbers are not finite or in
            another unit, or frames are missing for longer than a blend over them could hide (see `even_rate`).
    """
    slots = {_key(name): number for number, name in enumerate(head.expression_names[:SHAPES])}
    if not has_arkit(head.expression_names):
        raise ValueError(
            f"head: expected one with ARKit's expression slots, such as the open head,, got {head.source}"
        )
    columns, rows = _table(path)
    missing = [name for name in head.expression_names[:SHAPES] if _key(name) not in columns]
    if [name for name in missing if _key(name) not in OPTIONAL]:
        raise ValueError(f"{path}: columns of ARKit's {SHAPES} shapes are wanted, {', '.join(missing)} are missing")
    time = next((columns[name] for name in TIME if name in columns), None)
    if time is None and rate is None:
        raise ValueError(f"rate: frames per second are wanted, since {path} has no column Timecode; give rate")
    read = [name for name in (*slots, *ANGLES) if name in columns]
    numbers = dict(zip(read, _numbers(path, rows, [(name, columns[name]) for name in read]).T, strict=True))
    expression = np.zeros((len(rows), head.n_expression))
    for name, slot in slots.items():
        expression[:, slot] = numbers.get(name, 0.0)
    _check_unit(path, "weights", expression, WEIGHTS, "percentages")
    pose = np.zeros((len(rows), 6))
    pose[:, :3] = _turns(path, [numbers.get(name, np.zeros(len(rows))) for name in ANGLES])
    rest = np.zeros((len(rows), 3)), np.zeros((len(rows), 6))
    tensors = [torch.from_numpy(part).float() for part in (expression, pose, *rest)]
    if time is None:
        return Motion(*tensors, float(rate), head.expression_names)
    times = seconds_of(path, [(line, row[time]) for line, row in rows])
    own, even = even_rate(path, times)
    motion = Motion(*tensors, own, head.expression_names)
    motion = motion if even else sampled(times, motion, own)
    return motion if rate is None else motion.resampled(rate)


def _key(name: str) -> str:
    """A name without case, spaces and underscores, its side written out."""
    name = re.sub(r"_([LR])$", lambda side: {"L": "Left", "R": "Right"}[side[1]], name.strip())
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _table(path: Path) -> tuple[dict[str, int], list[tuple[int, list[str]]]]:
    """Number of each column by name, and the lines, each with its number in the file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: cut off, damaged or no CSV ({error}); export it again") from error
    if len(lines) < 2:
        raise ValueError(f"{path}: expected a line of names and at least one frame, got {len(lines)} lines")
    names = [_key(name) for name in lines[0][1]]
    for line, row in lines[1:]:
        if len(row) != len(names):
            wanted = f"{len(names)} columns as in the first line are wanted"
            raise ValueError(f"{path}: line {line}: {wanted}, {len(row)} were found; cut off? Export it again")
    return {name: column for column, name in enumerate(names)}, lines[1:]


def _numbers(path: Path, rows: list[tuple[int, list[str]]], columns: list[tuple[str, int]]) -> np.ndarray:
    """[T, len(columns)] finite numbers."""
    numbers = np.empty((len(rows), len(columns)))
    for values, (line, row) in zip(numbers, rows, strict=True):
        try:
            values[:] = [float(row[column]) for _, column in columns]
            finite = np.isfinite(values)
        except ValueError:
            finite = np.array([_is_number(row[column]) for _, column in columns])
        if not finite.all():
            name, column = columns[int(finite.argmin())]
            raise ValueError(f"{path}: line {line}: {name}: expected a finite number, got {row[column]!r}")
    return numbers


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def _turns(path: Path, angles: list[np.ndarray]) -> np.ndarray:
    """Axis-angle [T, 3] of yaw, pitch and roll [T] each."""
    yaw, pitch, roll = angles
    _check_unit(path, "angles of the head", np.stack(angles), (-MOST_ANGLE, MOST_ANGLE), "degrees")
    return Rotation.from_euler("YXZ", np.stack([-yaw, pitch, -roll], 1)).as_rotvec()


def _check_unit(path: Path, name: str, values: np.ndarray, limits: tuple[float, float], otherwise: str) -> None:
    low, high = values.min(), values.max()
    if low < limits[0] or high > limits[1]:
        wanted = "in radians" if otherwise == "degrees" else "in 0..1"
        raise ValueError(
            f"{path}: expected {name} {wanted}, got {low:.3g} to {high:.3g}; are they {otherwise}?"
        )
