"""One door for every kind of motion."""

from pathlib import Path

from clipface import assets
from clipface.animation import arkit_csv, flame_frames, keyframes, video_frames
from clipface.animation.motion import Motion, check_rate
from clipface.head import HeadModel

_SEQUENCE = "sequence_"
SHIPPED = tuple(name.removeprefix(_SEQUENCE) for name in assets.ASSETS if name.startswith(_SEQUENCE))
READERS = {  # of files, by their suffix
    **dict.fromkeys(keyframes.SUFFIXES, keyframes.read_keyframes),
    **dict.fromkeys(arkit_csv.SUFFIXES, arkit_csv.read_arkit),
    **dict.fromkeys(flame_frames.SUFFIXES, flame_frames.read_file),
    **dict.fromkeys(video_frames.SUFFIXES, video_frames.read_video),
}


def load_motion(source: str | Path, head: HeadModel, rate: float | None = None) -> Motion:
    """Load a motion.

    Args:
        source: one of `SHIPPED` (a file of such a name is meant by "./laugh"), or a path: `.yaml` keyframes, a `.csv`
            of ARKit's blend shapes, a folder of FLAME parameters with a file a frame, one such file of all frames
            (`.npz`, `.pkl`, `.mat`), or a video.
        head: the head that is to move; where it lies does not matter.
        rate: frames per second of the result. None keeps the source's. A source that does not say its rate (FLAME
            parameters mostly do not) is taken to have this one.

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
        return flame_frames.read_folder(path, head, rate)
    if not path.is_file():
        raise FileNotFoundError(f"source: {path} does not exist; expected {_kinds()}")
    if path.suffix.lower() not in READERS:
        raise ValueError(f"source: expected {_kinds()}, got {path}")
    return READERS[path.suffix.lower()](path, head, rate)


def _kinds() -> str:
    return f"one of {', '.join(SHIPPED)}, a folder of FLAME parameters, or a file {' '.join(READERS)}"
