"""One photograph → its face cut out with landmarks, or the reason why not. Runs in worker processes."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from clipface.images import Photograph, PhotographError, read_photograph
from clipface.photos.detection import FaceDetector
from clipface.photos.filter import FilterRule, reason_in_crop, reason_in_photograph

SIZE = 512  # pixels, the side of a crop
# Outlines of the eyes and corners of the mouth among MediaPipe's points; "right" is the person's, on the image's left
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
MOUTH_CORNERS = (61, 291)
EYES_REACH, MOUTH_REACH, CENTRE_DROP = 2.0, 1.8, 0.1  # half side in eye and eye-mouth distances; centre below the eyes


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
    """Read a photograph, find its largest face, check it, and cut it out.

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
    detector = this_detector()
    # A huge image was read smaller; limits are in pixels of the file.
    reduction = photograph.size[0] / photograph.image.width
    faces = detector.faces(np.asarray(photograph.image))
    reason = reason_in_photograph([face * np.float32(reduction) for face in faces], rule)
    if reason is not None:
        return reason
    cutout = cut_out(detector, photograph, faces[0], size)
    if cutout is None:
        return "too turned: the face is upside down"
    return reason_in_crop(cutout.image, cutout.points, rule) or cutout


def this_detector() -> FaceDetector:
    """The process's own detector."""
    return _detectors.get(os.getpid()) or _detectors.setdefault(os.getpid(), FaceDetector())


def cut_out(detector: FaceDetector, photograph: Photograph, face: np.ndarray, size: int) -> Cutout | None:
    """Cut a face out of its photograph, upright.

    Args:
        detector: finds the landmarks once more, and the person.
        photograph: with the face.
        face: [478, 3] its landmarks, pixels of `photograph.image`.
        size: S, side of the crop.

    Returns:
        The face; None if the landmarks were put on it upside down.
    """
    matrix = crop_matrix(face, size)
    cut = crop(photograph.image, matrix, size)
    if not detector.upright(cut.image):
        return None
    points = _closer_look(detector, cut.image, _through(matrix, face))
    person = (detector.person(cut.image) * 255).round().astype(np.uint8)
    reduction = photograph.size[0] / photograph.image.width  # the matrix is in pixels of the file
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


class Crop(NamedTuple):
    """A face cut out.

    `image` [S, S, 3] uint8; `inside` [S, S] bool, False where the photograph did not reach (its border is continued
    there); `matrix` [3, 3] float64, photograph pixels (x, y, 1) to crop pixels, a turn, a scale and a shift.
    """

    image: np.ndarray
    inside: np.ndarray
    matrix: np.ndarray


def crop_matrix(points: np.ndarray, size: int = SIZE) -> np.ndarray:
    """Place the square by eyes and mouth.

    Args:
        points: [478, 2 or 3] landmarks in the photograph's pixels.
        size: side of the crop, pixels.

    Returns:
        [3, 3] float64, photograph pixels to crop pixels.

    Source: Karras, Laine, Aila, "A style-based generator architecture for GANs" (2019), appendix A: FFHQ's alignment.
    """
    points = points[:, :2].astype(np.float64)
    right, left, mouth = (points[list(part)].mean(0) for part in (RIGHT_EYE, LEFT_EYE, MOUTH_CORNERS))
    eyes, between = (left + right) / 2, left - right
    down = mouth - eyes
    across = between - np.array([-down[1], down[0]])
    half = max(np.hypot(*between) * EYES_REACH, np.hypot(*down) * MOUTH_REACH)
    across *= half / max(np.hypot(*across), 1e-9)
    below = np.array([-across[1], across[0]])
    corner = eyes + CENTRE_DROP * down - across - below
    to_photograph = np.array([[*across * 2 / size, 0], [*below * 2 / size, 0], [*corner, 1]]).T
    return np.linalg.inv(to_photograph)


def crop(photograph: Image.Image, matrix: np.ndarray, size: int = SIZE) -> Crop:
    """Cut the square out of a photograph, shrunk without aliasing.

    Args:
        photograph: RGB.
        matrix: from `crop_matrix`, for the same `size`.
        size: side of the crop, pixels.
    """
    inverse = np.linalg.inv(matrix)
    corners = inverse @ np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]], np.float64)
    pixel = np.hypot(*inverse[:2, 0])  # photograph pixels a crop pixel
    shrink = max(1, int(pixel))
    low = np.floor(corners[:2].min(1) - 2 * shrink).astype(int).clip(0)
    high = np.ceil(corners[:2].max(1) + 2 * shrink).astype(int).clip(None, photograph.size)
    if (high - low).min() < 1:
        raise ValueError(f"matrix: expected a square that meets the photograph {photograph.size}, got one beside it")
    part = photograph.crop((*low, *high))
    part = part.reduce(shrink) if shrink > 1 else part
    # From crop pixels to those of the shrunk part; both count from the corner, as Pillow's transform does.
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]])
    placed = np.diag([1 / shrink, 1 / shrink, 1.0]) @ shift @ inverse
    pad = _padding(part, placed, size)
    array = np.pad(np.asarray(part), (*pad, (0, 0)), mode="edge")
    placed = np.array([[1, 0, pad[1][0]], [0, 1, pad[0][0]], [0, 0, 1.0]]) @ placed
    flat = placed[:2].ravel().tolist()
    image = Image.fromarray(array).transform((size, size), Image.Transform.AFFINE, flat, Image.Resampling.BICUBIC)
    return Crop(np.asarray(image), _inside(inverse, photograph.size, size), matrix)


def _padding(part: Image.Image, placed: np.ndarray, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """How far the crop leaves the part: rows above and below, columns left and right."""
    corners = placed @ np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]], np.float64)
    before = np.ceil(-corners[:2].min(1) + 2).astype(int).clip(0)
    after = np.ceil(corners[:2].max(1) - part.size + 2).astype(int).clip(0)
    return (int(before[1]), int(after[1])), (int(before[0]), int(after[0]))


def _inside(inverse: np.ndarray, photograph: tuple[int, int], size: int) -> np.ndarray:
    centres = np.arange(size) + 0.5
    x, y = np.meshgrid(centres, centres)
    place = inverse[:2] @ np.stack([x.ravel(), y.ravel(), np.ones(size * size)])
    return ((place >= 0) & (place <= np.array(photograph)[:, None])).all(0).reshape(size, size)
