"""The faces of the photographs that a command is given, and what it has to say about them before it goes on.

The limits were set on 336 photographs of people whom nothing hides, 160 of a studio and 176 of all kinds; how many of
them each one hits, and what it misses, stands in `docs/photos.md`.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import Delaunay

from clipface.fit.face_points import FacePoints, read_face_points
from clipface.images import Photograph, PhotographError, read_photograph
from clipface.metrics.age import AgeAndSex
from clipface.photos.detection import FaceDetector
from clipface.photos.examine import SIZE, Cutout, cut_out, this_detector
from clipface.photos.filter import FilterRule, eyewear_lines, face_size, head_turn, sharpness

LIMITS = FilterRule()  # those of size, sharpness and turn are a data set's
LYING = 60.0  # degrees of roll from which on a photograph, and not the head, is turned
LEANING = 30.0  # degrees of roll from which on it is tried whether the face is upright in a turned photograph
CHILD = 14.0  # years: the youngest of the 336, all adults, is taken for 15.7
# Spectacles: a warning may be wrong more often than a photograph is dropped for them.
RIM, BRIDGE = 0.1, 0.15
HAND_POINTS = 4  # of a hand's 21 lie on the face; next to it at most 2 do
ONE_SIDE = 1.75  # stops (powers of two) between the light of the face's two sides
BLACK, LIGHT_BLUR, GAMMA = 0.02, 4.0, 2.2  # added to light, so that dark skin's noise is none; pixels; of the image
LUMINANCE = (0.2126, 0.7152, 0.0722)  # Rec. 709
PLAIN = ("cheeks", "forehead", "chin")  # skin of one colour
INNER, OUTLINE = 51, 17  # of iBUG's 68 landmarks
LEAST_INSIDE = 0.98  # of a face's points that lie in the photograph
NAMED = 4  # faces whose places are told

Say = Callable[[str], None]


class ChildError(ValueError):
    """A photograph that seems to show a child."""


def take_faces(
    paths: Sequence[str | Path], which_face: int = 1, say: Say | None = None, size: int = SIZE
) -> list[Cutout]:
    """Cut one face out of each photograph, upright however the photograph lies, and tell what will spoil the result.

    Args:
        paths: P files.
        which_face: where a photograph shows several: 1 is the largest, 2 the next in size.
        say: gets the remarks, a line each; left out, they go to standard error.
        size: S, side of the crops.

    Returns:
        P faces.

    Raises:
        ValueError: if a photograph cannot be read, shows no face or not as many, or a child; names the file.
        ImportError: if onnxruntime is missing; says how to get it.
    """
    say = say or (lambda line: print(line, file=sys.stderr, flush=True))
    if _ages() is None:
        say('note: photographs of children are not noticed without pip install -e ".[metrics]"')
    taken = []
    for path in map(Path, paths):

        def remark(line: str, path: Path = path) -> None:
            say(f"note: {path}: {line}")

        try:
            cutout = _take(read_photograph(path), which_face, size, remark)
            lines = list(remarks(cutout))
        except PhotographError as error:
            raise ValueError(f"{path}: unreadable: {error}") from error
        except ValueError as error:
            raise type(error)(f"{path}: {error}") from error
        for line in lines:
            remark(line)
        taken.append(cutout)
    return taken


def remarks(cutout: Cutout) -> Iterator[str]:
    """What will spoil what is made of a face, a line each, with what to do.

    Raises:
        ChildError: if it seems to be a child's.
    """
    image, points = cutout.image, cutout.points
    years = estimated_age(image, points)
    if years is not None and years < CHILD:
        raise ChildError(
            f"the face is taken for a child's, about {years:.0f} years old; children's photographs are not used. "
            "The estimate may be wrong: another photograph of an adult may pass"
        )
    pixels = face_size(points) / np.hypot(*cutout.matrix[:2, 0])
    if pixels < LIMITS.least_face:
        yield f"small: the face has {pixels:.0f} pixels, expected {LIMITS.least_face:.0f} or more; it will look soft"
    elif (sharp := sharpness(image, points)) < LIMITS.least_sharpness:
        yield f"blurred: expected a sharpness of {LIMITS.least_sharpness} or more, got {sharp:.2f}; it will look soft"
    yaw, pitch, _ = head_turn(points)
    if abs(yaw) > LIMITS.most_yaw:
        yield f"profile: the head is turned by {abs(yaw):.0f} degrees; the far side is guessed. Add one from the front"
    if abs(pitch) > LIMITS.most_pitch:
        yield f"the head is tilted {'up' if pitch > 0 else 'down'} by {abs(pitch):.0f} degrees; some of it is guessed"
    if _sampled(cutout.inside.astype(np.float64), points).mean() < LEAST_INSIDE:
        yield "cut off: the photograph ends inside the face; the rest is guessed"
    rim, bridge = eyewear_lines(image, points)
    if rim > RIM and bridge > BRIDGE:
        yield "glasses, it seems: their frame becomes a part of the skin; take a photograph without them"
    if hands_on_face(this_detector(), cutout):
        yield "a hand before the face, it seems: it becomes a part of the skin; take a photograph without it"
    stops = uneven_light(image, points)
    if abs(stops) > ONE_SIDE:
        side = "left" if stops > 0 else "right"
        yield f"hard light: the image's {side} of the face gets {2 ** abs(stops):.1f} times the light; it will show"


def uneven_light(image: np.ndarray, points: np.ndarray) -> float:
    """By how many stops plain skin on the image's left is brighter than its mirror image; a median.

    Args:
        image: [S, S, 3] uint8.
        points: [478, 2 or 3] MediaPipe's, in its pixels.
    """
    light = gaussian_filter((image / 255.0) ** GAMMA @ np.array(LUMINANCE), LIGHT_BLUR * len(image) / SIZE)
    known = _face_points()
    rows = [row for row, region in enumerate(known.regions) if region in PLAIN and row < known.mirror[row]]
    left, right = (_sampled(light, points[known.numbers[part]]) for part in (rows, known.mirror[rows]))
    return float(np.median(np.log2((left + BLACK) / (right + BLACK))))


def hands_on_face(detector: FaceDetector, cutout: Cutout) -> bool:
    """Whether a hand is found whose joints lie on the face."""
    face = Delaunay(cutout.points[:, :2])
    return any((face.find_simplex(hand) >= 0).sum() >= HAND_POINTS for hand in detector.hands(cutout.image))


def estimated_age(image: np.ndarray, points: np.ndarray) -> float | None:
    """Years that a face [S, S, 3] uint8 with points [478, 3] looks old; None without the packages of `metrics`."""
    network = _ages()
    if network is None:
        return None
    landmarks = torch.from_numpy(points[_landmark_numbers(), :2].astype(np.float32))
    years, _ = network(torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255, landmarks[None])
    return float(years)


def _take(photograph: Photograph, which_face: int, size: int, remark: Say) -> Cutout:
    """Cut a face out of a photograph that may lie on its side or stand on its head."""
    detector, pixels = this_detector(), np.asarray(photograph.image)
    found, cutout = _upright(detector, photograph, pixels, size)
    if not 1 <= which_face <= len(found):
        raise ValueError(f"--which-face: expected 1 to {len(found)}, as many faces as it shows, got {which_face}")
    if which_face > 1:
        cutout = cut_out(detector, photograph, found[which_face - 1], size)
        if cutout is None:
            raise ValueError(f"--which-face: face {which_face} is upside down against the largest; turn the photograph")
    if len(found) > 1:
        remark(_several(found, which_face, pixels.shape[1]))
    roll = abs(head_turn(found[which_face - 1])[2])
    if roll > LYING:
        how = "stands on its head" if roll > 180 - LYING else "lies on its side"
        remark(f"the photograph {how} (by {roll:.0f} degrees): the face is turned upright")
    return cutout


def _upright(
    detector: FaceDetector, photograph: Photograph, pixels: np.ndarray, size: int
) -> tuple[list[np.ndarray], Cutout]:
    """Find faces in whatever quarter turn shows the largest one upright: their landmarks, and that face cut out."""
    best = None  # landmarks are found on lying faces too, but ten degrees off: the least turned face counts
    for quarters in range(4):
        turned = detector.faces(np.ascontiguousarray(np.rot90(pixels, quarters)))
        roll = abs(head_turn(turned[0])[2]) if turned else 180.0
        if best is not None and roll >= best[0] or not turned:
            continue
        found = [_turned_back(face, quarters, pixels) for face in turned]
        cutout = cut_out(detector, photograph, found[0], size)
        if cutout is not None:
            best = roll, found, cutout
            if roll < LEANING:
                break
    if best is None:
        raise ValueError("no face: none was found, however it is turned; take one that shows the face from the front")
    return best[1:]


def _several(faces: list[np.ndarray], which: int, width: int) -> str:
    places = [f"{number} at x = {face[:, 0].mean():.0f}" for number, face in enumerate(faces, 1)][:NAMED]
    more = ", ..." if len(faces) > NAMED else ""
    return (
        f"{len(faces)} faces, the largest first: {', '.join(places)}{more} of {width} pixels; "
        f"number {which} is taken (--which-face takes another)"
    )


def _turned_back(points: np.ndarray, quarters: int, pixels: np.ndarray) -> np.ndarray:
    """Points [N, 3] of the image turned by so many quarters, in `pixels`."""
    back, (height, width) = points.copy(), pixels.shape[:2]
    for turn in range(quarters, 0, -1):
        # A quarter turn takes (x, y) to (y, side - x), where the side is what was the width before it.
        side = width if turn % 2 else height
        back[:, 0], back[:, 1] = side - back[:, 1], back[:, 0].copy()
    return back


def _sampled(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values [S, S] at points [N, 2 or 3], which count from the image's corner."""
    return map_coordinates(values, [points[:, 1] - 0.5, points[:, 0] - 0.5], order=1, mode="nearest")


@cache
def _face_points() -> FacePoints:
    return read_face_points()


@cache
def _landmark_numbers() -> np.ndarray:
    """[68] of MediaPipe's points, for each of iBUG's landmarks the nearest one on the reference face."""
    known = _face_points()
    outline = known.landmarks[:-INNER]
    spread = np.linspace(0, len(outline) - 1, OUTLINE).round().astype(int)
    landmarks = np.concatenate([outline[spread], known.landmarks[-INNER:]])
    return known.numbers[np.linalg.norm(landmarks[:, None] - known.places, axis=2).argmin(1)]


@cache
def _ages() -> AgeAndSex | None:
    try:
        return AgeAndSex()
    except ModuleNotFoundError:
        return None
