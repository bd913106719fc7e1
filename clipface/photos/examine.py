"""One photograph → its face cut out with landmarks, or the reason why not. Runs in worker processes."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clipface.photos.crop import crop, crop_matrix
from clipface.photos.detect import FaceDetector
from clipface.photos.filter import FilterRule, reason_in_crop, reason_in_photograph
from clipface.photos.read import PhotographError, read_photograph


class Cutout(NamedTuple):
    """A face, upright and S pixels large."""

    image: np.ndarray  # [S, S, 3] uint8
    inside: np.ndarray  # [S, S] bool, False where the photograph did not reach
    points: np.ndarray  # [478, 3] float32 landmarks, crop pixels
    person: np.ndarray  # [S, S] uint8, 255 where a person is
    matrix: np.ndarray  # [3, 3] float64, pixels of the upright photograph file to crop pixels
    photograph: tuple[int, int]  # width and height of that file


_detectors: dict[int, FaceDetector] = {}  # this process's; a forked child must not use its parent's


def examine(path: str, rule: FilterRule, size: int) -> Cutout | str:
    """Read a photograph, find its face, check it, and cut it out.

    Args:
        path: the file.
        rule: what is good enough.
        size: S, side of the crop.

    Returns:
        The face, or the reason to drop the photograph, its kind before the colon.
    """
    try:
        photograph = read_photograph(Path(path))
    except PhotographError as error:
        return f"unreadable: {error}"
    detector = _detectors.get(os.getpid()) or _detectors.setdefault(os.getpid(), FaceDetector())
    pixels = np.asarray(photograph.image)
    # A huge image was read smaller; limits and the matrix are in pixels of the file.
    reduction = photograph.size[0] / photograph.image.width
    faces = detector.faces(pixels)
    reason = reason_in_photograph([face * np.float32(reduction) for face in faces], rule)
    if reason is not None:
        return reason
    matrix = crop_matrix(faces[0], size)
    cut = crop(photograph.image, matrix, size)
    if not detector.upright(cut.image):
        return "too turned: the face is upside down"
    points = _closer_look(detector, cut.image, _through(matrix, faces[0]))
    reason = reason_in_crop(cut.image, points, rule)
    if reason is not None:
        return reason
    person = (detector.person(cut.image) * 255).round().astype(np.uint8)
    matrix = matrix @ np.diag([1 / reduction, 1 / reduction, 1])
    return Cutout(cut.image, cut.inside, points, person, matrix, photograph.size)


def _through(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Landmarks of the photograph in crop pixels; depth is scaled alike."""
    flat = points[:, :2] @ matrix[:2, :2].T + matrix[:2, 2]
    return np.concatenate([flat, points[:, 2:] * np.hypot(*matrix[:2, 0])], 1).astype(np.float32)


def _closer_look(detector: FaceDetector, crop: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Landmarks found once more in the upright crop, if that finds the same face."""
    found = detector.faces(crop)
    if not found or np.abs(found[0][:, :2] - points[:, :2]).mean() > 0.05 * len(crop):
        return points
    return found[0]
