"""FLAME parameters of every frame, as trackers write them: a folder with a file a frame, or one file of all frames.

Read are the names of DECA and of the common trackers (see `NAMES`): arrays of one frame or with one row a frame, and
FLAME's axis-angle vectors in radians. Nothing in the files is run.
"""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipface.animation.frame_times import GIVE_RATE
from clipface.animation.motion import Motion
from clipface.head import HeadModel
from clipface.tables import read_content
from clipface.texture.carry import COMMAND

SUFFIXES = (".npz", ".pkl", ".pickle", ".mat")
NAMES = {
    "expression": ("exp", "expression", "expr", "expression_params", "expcode"),
    "pose": ("pose", "pose_params", "posecode"),  # 3: the head; 6: head and jaw; 15: head, neck, jaw, both eyes
    "global_pose": ("global_pose", "global_orient", "rotation"),
    "neck_pose": ("neck_pose", "neck"),
    "jaw_pose": ("jaw_pose", "jaw", "jaw_params"),
    "eye_pose": ("eyes_pose", "eye_pose"),
    "rate": ("fps", "frame_rate", "rate"),
}
LENGTHS = {"pose": (3, 6, 15), "global_pose": (3,), "neck_pose": (3,), "jaw_pose": (3,), "eye_pose": (6,)}
MOST_ANGLE = 2 * np.pi  # radians; more are degrees, or no rotations at all
STRENGTHS = (-0.5, 2.0)  # what strengths of named slots never leave and FLAME's coefficients do
LISTED = 8  # missing frames that an error names

Arrays = dict[str, np.ndarray]


def read_file(path: Path, head: HeadModel, rate: float | None = None) -> Motion:
    """Read one file of all frames; see `load_motion`.

    Raises:
        ValueError: if it is damaged, lacks a key, holds no frame, or numbers that are not finite or not the head's.
    """
    arrays, own = _arrays(path)
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        words = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ValueError(f"{path}: expected as many frames of each key, got {words}")
    return _motion(path, arrays, head, own, rate)


def read_folder(folder: Path, head: HeadModel, rate: float | None = None) -> Motion:
    """Read a folder with a file a frame, in the order of the last number in their names; see `load_motion`.

    Raises:
        ValueError: as `read_file`, and if frames are missing or disagree.
    """
    rows: list[Arrays] = []
    rates: dict[float, Path] = {}
    for path in _in_order(folder):
        arrays, own = _arrays(path)
        if own is not None:
            rates.setdefault(own, path)
        for name, array in arrays.items():
            if len(array) != 1:
                raise ValueError(f"{path}: {name}: expected one frame in each file of a folder, got {len(array)}")
            if rows and array.shape != rows[0].get(name, array[:, :0]).shape:
                first, found = rows[0][name].shape[1] if name in rows[0] else "no", array.shape[1]
                raise ValueError(f"{path}: {name}: expected {first} numbers as in the first frame, got {found}")
        if rows and len(arrays) < len(rows[0]):
            raise ValueError(f"{path}: {', '.join(set(rows[0]) - set(arrays))} missing, which the first frame has")
        rows.append(arrays)
    if len(rates) > 1:
        words = " and ".join(f"{own:g} in {path.name}" for own, path in list(rates.items())[:2])
        raise ValueError(f"{folder}: expected one frame rate, got {words}; sort the frames into folders")
    arrays = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    return _motion(folder, arrays, head, next(iter(rates), None), rate)


def _in_order(folder: Path) -> list[Path]:
    # DECA makes a folder of every image, with the codes inside.
    found = ([path for path in folder.glob(depth) if path.suffix.lower() in SUFFIXES] for depth in ("[!.]*", "*/[!.]*"))
    paths = next(found) or next(found)
    if not paths:
        raise ValueError(f"{folder}: expected FLAME parameters ({' '.join(SUFFIXES)}), a file a frame, got none")
    frames: dict[int, Path] = {}
    for path in sorted(paths):
        number = re.search(r"(\d+)\D*$", path.stem)
        if number is None:
            raise ValueError(f"{path}: expected a name with the frame's number, such as frame_0001{path.suffix}")
        other = frames.setdefault(int(number.group(1)), path)
        if other != path:
            raise ValueError(f"{folder}: expected one file a frame, got {other.name} and {path.name} of one")
    first, last = min(frames), max(frames)
    missing = last - first + 1 - len(frames)
    if missing:
        gaps = (number for number in range(first, last) if number not in frames)
        names = ", ".join(str(next(gaps)) for _ in range(min(missing, LISTED)))
        more = f" and {missing - LISTED} more" if missing > LISTED else ""
        raise ValueError(f"{folder}: frames {names}{more} are missing between {first} and {last}; number them anew, or "
                         "add them")  # fmt: skip
    return [frames[number] for number in sorted(frames)]


def _arrays(path: Path) -> tuple[Arrays, float | None]:
    """What a file holds under our names, finite [T, N] each, and its rate."""
    content, arrays = read_content(path), {}
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: expected a table with the keys exp and pose, got {type(content).__name__}")
    for name, keys in NAMES.items():
        key = next((key for key in keys if key in content), None)
        if key is not None:
            arrays[name] = _numbers(path, key, content[key], LENGTHS.get(name))
    own = arrays.pop("rate", None)
    has = ", ".join(sorted(str(key) for key in content if not str(key).startswith("_"))) or "nothing"
    for needed in (("expression",), ("pose", "global_pose", "jaw_pose")):
        if not any(name in arrays for name in needed):
            keys = " or ".join(key for name in needed for key in NAMES[name])
            raise ValueError(f"{path}: expected {keys}, got a file with {has}")
    for name, array in arrays.items():
        bad = ~(np.abs(array) <= np.finfo(np.float32).max).all(1)  # NaN too
        if bad.any():
            raise ValueError(f"{path}: {name}: expected finite numbers, got others in frame {int(bad.argmax())}")
    if not len(arrays["expression"]):
        raise ValueError(f"{path}: expected at least one frame, got none")
    if own is not None and (own.size != 1 or not np.isfinite(own).all() or own.item() <= 0):
        raise ValueError(f"{path}: expected a positive frame rate, got {own.ravel().tolist()}")
    return arrays, None if own is None else own.item()


def _numbers(path: Path, key: str, value: Any, lengths: tuple[int, ...] | None) -> np.ndarray:
    try:
        numbers = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{path}: {key}: expected numbers, got {type(value).__name__}") from None
    if numbers.ndim == 3 and 1 in numbers.shape[:2]:  # a batch of one around frames, or in each of them
        numbers = numbers[0] if numbers.shape[0] == 1 else numbers[:, 0]
    numbers = np.atleast_2d(numbers)
    if numbers.ndim != 2 or (lengths and numbers.shape[1] not in lengths):
        counts = " or ".join(map(str, lengths)) if lengths else "coefficients:"
        raise ValueError(f"{path}: {key}: expected {counts} numbers a frame, got shape {numbers.shape}")
    if lengths and np.abs(numbers[np.isfinite(numbers)]).max(initial=0) > MOST_ANGLE:
        most = np.nanmax(np.abs(numbers))
        raise ValueError(f"{path}: {key}: expected axis-angle vectors in radians, got {most:g}; are these degrees?")
    return numbers


def _motion(path: Path, arrays: Arrays, head: HeadModel, own: float | None, rate: float | None) -> Motion:
    if own is None and rate is None:
        raise ValueError(f"rate: expected frames per second, since {path} does not say them (key fps); {GIVE_RATE}")
    given, has = arrays["expression"], head.n_expression
    if given.shape[1] > has:
        raise ValueError(
            f"{path}: expression: expected at most the {has} coefficients of {head.source}, got {given.shape[1]}"
        )
    if head.expression_names and not (STRENGTHS[0] <= given.min() and given.max() <= STRENGTHS[1]):
        warnings.warn(
            f"{path}: expression reaches from {given.min():.2g} to {given.max():.2g}, as FLAME's coefficients do; "
            f"{head.source} has named slots of strength 0 to 1, so the face will not look as it was tracked: use "
            f"FLAME, or make the map between both by {COMMAND.format('flame')}",
            stacklevel=4,
        )
    frames = len(given)
    expression = np.zeros((frames, has))
    expression[:, : given.shape[1]] = given
    full = _full_pose(arrays, frames)
    parts = (expression, full[:, [0, 1, 2, 6, 7, 8]], full[:, 3:6], full[:, 9:])
    tensors = (torch.from_numpy(part).float() for part in parts)
    motion = Motion(*tensors, float(own or rate), head.expression_names)
    return motion if rate is None else motion.resampled(rate)


def _full_pose(arrays: Arrays, frames: int) -> np.ndarray:
    """[T, 15] in FLAME's order: head, neck, jaw, left eye, right eye; what is given apart goes before `pose`."""
    full = np.zeros((frames, 15))
    pose = arrays.get("pose", full[:, :3])
    columns = {3: slice(0, 3), 6: [0, 1, 2, 6, 7, 8], 15: slice(0, 15)}[pose.shape[1]]
    full[:, columns] = pose
    for name, start in (("global_pose", 0), ("neck_pose", 3), ("jaw_pose", 6), ("eye_pose", 9)):
        if name in arrays:
            full[:, start : start + arrays[name].shape[1]] = arrays[name]
    return full
