"""One door for every kind of motion."""

from collections.abc import Callable
from pathlib import Path

from clipface import assets
from clipface.animation import arkit_csv, flame_frames, keyframes, video_frames
from clipface.animation.motion import Motion, check_rate
from clipface.animation.other_head import Other, onto_arkit, onto_flame, other_head
from clipface.head import HeadModel, load_head
from clipface.head.expressions import has_arkit

_SEQUENCE = "sequence_"
SHIPPED = tuple(name.removeprefix(_SEQUENCE) for name in assets.ASSETS if name.startswith(_SEQUENCE))
READERS = {  # of files, by their suffix
    **dict.fromkeys(keyframes.SUFFIXES, keyframes.read_keyframes),
    **dict.fromkeys(arkit_csv.SUFFIXES, arkit_csv.read_arkit),
    **dict.fromkeys(flame_frames.SUFFIXES, flame_frames.read_file),
    **dict.fromkeys(video_frames.SUFFIXES, video_frames.read_video),
}


def load_motion(source: str | Path, head: HeadModel, rate: float | None = None, other: Other | None = None) -> Motion:
    """Load a motion.

    What was captured for ARKit's shapes moves FLAME, and what a tracker found of FLAME moves a head with ARKit's
    shapes, where the map between FLAME and the open head lies beside FLAME's file.

    Args:
        source: one of `SHIPPED` (a file of such a name is meant by "./laugh"), or a path: `.yaml` keyframes, a `.csv`
            of ARKit's blend shapes, a folder of FLAME parameters with a file a frame, one such file of all frames
            (`.npz`, `.pkl`, `.mat`), or a video.
        head: the head that is to move; where it lies does not matter.
        rate: frames per second of the result. None keeps the source's. A source that does not say its rate (FLAME
            parameters mostly do not) is taken to have this one.
        other: FLAME and the map, where they are not in their usual places.

    Returns:
        The motion, on the CPU.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: for a damaged or unknown file, numbers that do not fit the head, or frames that are missing.
        ImportError: if reading videos lacks a package; says how to get it.
    """
    if rate is not None:
        check_rate(rate)
    path = assets.resolve(_SEQUENCE + str(source)) if source in SHIPPED else Path(source)
    if path.is_dir():
        return _read(flame_frames.read_folder, path, head, rate, other)
    if not path.is_file():
        raise FileNotFoundError(f"source: {path} does not exist; expected {_kinds()}")
    if path.suffix.lower() not in READERS:
        raise ValueError(f"source: expected {_kinds()}, got {path}")
    return _read(READERS[path.suffix.lower()], path, head, rate, other)


def _read(read: Callable, path: Path, head: HeadModel, rate: float | None, given: Other | None) -> Motion:
    """Read a file that is of this head or, if there is a map, of the other one."""
    of_flame, named = read in (flame_frames.read_file, flame_frames.read_folder), has_arkit(head.expression_names)
    if read is video_frames.read_video or of_flame != named:
        return read(path, head, rate)
    found = other_head(head, given)
    if found is None:
        return read(path, head, rate)
    flame, known = found
    if named:
        return onto_arkit(read(path, flame, rate), head, flame, known)
    open_head = load_head("open")
    return onto_flame(read(path, open_head, rate), open_head, flame, known)


def _kinds() -> str:
    return f"one of {', '.join(SHIPPED)}, a folder of FLAME parameters, or a file {' '.join(READERS)}"
