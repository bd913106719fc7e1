"""ARKit's 52 blend-shape weights of every frame, as face capture on a phone writes them (Live Link Face's CSV).

The open head has these shapes as expression slots, so weights become strengths as they are. That holds for `jawOpen`,
which is a slot there, and for the gaze: the eyes' angles in such files say it a second time and are not read.

Source of the head's angles: Unreal Engine's `FRotator` (left-handed; x forward, y right, z up) of ARKit's face anchor,
whose own axes are those of our head frame. HeadYaw > 0 turns to the image's left, HeadPitch > 0 down, HeadRoll > 0
leans to the image's right; radians; yaw is outermost, roll innermost.
"""

import re
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from clipface.animation.frame_times import GIVE_RATE, even_rate, seconds_of
from clipface.animation.motion import Motion, sampled
from clipface.files import read_table
from clipface.head import HeadModel
from clipface.head.expressions import ARKIT_NAMES, has_arkit
from clipface.texture.carry import COMMAND

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
            f"head: expected one with ARKit's expression slots, such as the open head, got {head.source}; make the map "
            f"between both by {COMMAND.format('flame')}, and captures move it too"
        )
    columns, rows = _table(path)
    missing = [name for name in head.expression_names[:SHAPES] if _key(name) not in columns]
    if [name for name in missing if _key(name) not in OPTIONAL]:
        raise ValueError(f"{path}: expected columns of ARKit's {SHAPES} shapes, got none of {', '.join(missing)}")
    time = next((columns[name] for name in TIME if name in columns), None)
    if time is None and rate is None:
        raise ValueError(f"rate: expected frames per second, since {path} has no column Timecode; {GIVE_RATE}")
    read = [name for name in (*slots, *ANGLES) if name in columns]
    numbers = dict(zip(read, _numbers(path, rows, [columns[name] for name in read]).T, strict=True))
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
    times = seconds_of(path, [row[time] for row in rows])
    own, even = even_rate(path, times)
    motion = Motion(*tensors, own, head.expression_names)
    motion = motion if even else sampled(times, motion, own)
    return motion if rate is None else motion.resampled(rate)


def _key(name: str) -> str:
    """A name without case, spaces and underscores, its side written out."""
    name = re.sub(r"_([LR])$", lambda side: {"L": "Left", "R": "Right"}[side[1]], name.strip())
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _table(path: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The columns' names in the file by their plain names, and the rows."""
    rows = [row for row in read_table(path, (), "source") if any(row.values())]
    if not rows:
        raise ValueError(f"{path}: expected a line of names and at least one frame, got no frame")
    names = [name for name in rows[0] if name]
    for line, row in enumerate(rows, 2):
        if row[names[-1]] == "" or None in row:
            found = sum(cell != "" for cell in row.values())
            raise ValueError(
                f"{path}: line {line}: expected {len(names)} columns as in the first line, got {found}; is it cut off? "
                "Export it again"
            )
    return {_key(name): name for name in names}, rows


def _numbers(path: Path, rows: list[dict[str, str]], names: list[str]) -> np.ndarray:
    """[T, len(names)] finite numbers."""
    numbers = np.array([[_number(row[name]) for name in names] for row in rows])
    if not np.isfinite(numbers).all():
        row, column = np.argwhere(~np.isfinite(numbers))[0]
        name = names[column]
        raise ValueError(f"{path}: line {row + 2}: {name}: expected a finite number, got {rows[row][name]!r}")
    return numbers


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan


def _turns(path: Path, angles: list[np.ndarray]) -> np.ndarray:
    """Axis-angle [T, 3] of yaw, pitch and roll [T] each."""
    yaw, pitch, roll = angles
    _check_unit(path, "angles of the head", np.stack(angles), (-MOST_ANGLE, MOST_ANGLE), "degrees")
    return Rotation.from_euler("YXZ", np.stack([-yaw, pitch, -roll], 1)).as_rotvec()


def _check_unit(path: Path, name: str, values: np.ndarray, limits: tuple[float, float], otherwise: str) -> None:
    low, high = values.min(), values.max()
    if low < limits[0] or high > limits[1]:
        unit = "in radians" if otherwise == "degrees" else "in 0..1"
        raise ValueError(f"{path}: expected {name} {unit}, got {low:.3g} to {high:.3g}; are they {otherwise}?")
