"""Motions of any kind written for rigs with ARKit's shapes, or for FLAME."""

import csv
import io
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from clipface.animation.load import load_motion
from clipface.animation.motion import Motion
from clipface.animation.other_head import Other, arkit_weights
from clipface.files import replacing, write_atomic
from clipface.head import HeadModel, load_head
from clipface.head.expressions import ARKIT_NAMES
from clipface.texture.carry import read_head_map

SUFFIXES = {".csv": "ARKit's weights", ".npz": "FLAME's parameters"}
ANGLES = ("HeadYaw", "HeadPitch", "HeadRoll")


def convert_motion(
    source: str | Path,
    out: Path,
    rate: float | None = None,
    map_file: Path | None = None,
    flame: Path | None = None,
) -> Motion:
    """Convert a motion and write it.

    Args:
        source: whatever `load_motion` reads.
        out: `.csv` for weights of ARKit's 52 shapes, `.npz` for FLAME's parameters.
        rate: frames per second, as of `load_motion`.
        map_file: map between the open head and FLAME; None: the one beside FLAME's file.
        flame: FLAME's file; None: the usual one. Needed unless both are of ARKit's shapes.

    Returns:
        What was written.

    Raises:
        FileNotFoundError: if a file is missing; says how to get it.
        ValueError: for another ending of `out`, or as `load_motion`.
    """
    if out.suffix.lower() not in SUFFIXES:
        kinds = " or ".join(f"{suffix} for {what}" for suffix, what in SUFFIXES.items())
        raise ValueError(f"out: expected a file {kinds}, got {out}")
    found = None if map_file is None else read_head_map(map_file)
    to_flame = out.suffix.lower() == ".npz"
    head = load_head("flame", flame) if to_flame else load_head("open")
    motion = load_motion(source, head, rate, Other(found, flame))
    if to_flame:
        write_flame(motion, out)
    else:
        write_arkit(motion, head, out)
    return motion


def write_arkit(motion: Motion, head: HeadModel, path: Path) -> None:
    """Write weights in 0..1 and the head's turn as face capture on a phone does (`clipface.animation.arkit_csv`).

    Args:
        motion: of a head with ARKit's shapes; neck and head become one turn.
        head: that head.
        path: `.csv`.
    """
    weights = arkit_weights(motion, head).clamp(0, 1).double().numpy()
    turns = [Rotation.from_rotvec(part.double().numpy()) for part in (motion.pose[:, :3], motion.neck_pose)]
    angles = (turns[0] * turns[1]).as_euler("YXZ") * [-1, 1, -1]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    table.writerow(["Timecode", "BlendShapeCount", *names, *ANGLES])
    for time, weight, angle in zip(motion.times.tolist(), weights, angles, strict=True):
        table.writerow([f"{time:.6f}", len(names), *(f"{number:.6g}" for number in (*weight, *angle))])
    write_atomic(path, text.getvalue())


def write_flame(motion: Motion, path: Path) -> None:
    """Write `exp` [T, E], `pose` [T, 15] (head, neck, jaw, both eyes; axis-angle, radians) and `fps`.

    Args:
        motion: of FLAME.
        path: `.npz`, as `clipface.animation.flame_frames` reads it.
    """
    parts = (motion.pose[:, :3], motion.neck_pose, motion.pose[:, 3:], motion.eye_pose)
    pose = np.concatenate([part.numpy() for part in parts], 1)
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, exp=motion.expression.numpy(), pose=pose, fps=motion.rate)
