"""Faces in an image: landmarks, the person's outline and hands, by the shipped networks, behind one small interface."""

from collections.abc import Iterator

import numpy as np

from clipface.photos.detection.landmarks import FaceLandmarks, HandLandmarks, hand_region
from clipface.photos.detection.networks import Network
from clipface.photos.detection.region import Region, enlarged
from clipface.photos.detection.single_shot import Detector, overlaps

# Of each detector, the sides of its grids' cells in pixels and the anchors in each cell.
NEAR_ANCHORS, FAR_ANCHORS, PALM_ANCHORS = ((8, 2), (16, 6)), ((4, 1),), ((8, 2), (16, 6))
# Scores from which on there is a face: to the near and the far detector, and to the near one where one was found.
NEAR, FAR, HINTED = 0.5, 0.6, 0.3
MARGIN = 0.6  # of a found face's box, added on each side before landmarks are looked for
LEAST_SIDE = 48  # pixels; in a smaller box landmarks are guesses
NEAR_SIDE = 640  # pixels that a face's surroundings are shrunk to: the landmark network sees 192
OVERLAP = 0.5  # of the smaller of two boxes, from which on they are one face
CLOSER_LOOKS, CLOSEST_SIDE = 3, 512  # times that squares of half the side are searched; pixels below which they are not
# Score by which the detector is surer of upright faces; 99 of 100 photographs have more, all more than 0.03.
SURER = 0.06
LEAST_HAND = 0.3  # score: hands before faces are small and half hidden
MOST_HANDS, SAME_HAND = 2, 0.5  # that are looked for; intersection over union of two squares around one hand

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels


class FaceDetector:
    """Finds faces. One object serves one thread; making it takes a tenth of a second after the first import.

    Source: the networks of Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs"
    (2019), and of Grishchenko et al., "Attention mesh" (2020), as MediaPipe 0.10.14 has them (Apache-2.0).

    Raises:
        ImportError: if onnxruntime is missing; says how to get it.
        FileNotFoundError, ValueError: if a network's file is missing or changed.
    """

    def __init__(self) -> None:
        # The first is for faces within two metres, the second within five.
        self._near = Detector("faces_near", NEAR_ANCHORS, black=-1.0)
        self._far = Detector("faces_far", FAR_ANCHORS, black=-1.0)
        self._mesh = FaceLandmarks()
        self._person = Network("person_mask", ("mask",))
        self._hands: tuple[Detector, HandLandmarks] | None = None  # made when first asked for

    def faces(self, image: np.ndarray) -> list[np.ndarray]:
        """Find the landmarks of every face.

        Args:
            image: [H, W, 3] uint8, RGB.

        Returns:
            For each face, the largest first, [478, 3] float32: x to the right and y down in pixels (pixel centres at
            .5), z in pixels, smaller is nearer to the viewer, its origin between the ears. "Left" in MediaPipe's names
            is the person's left.

        Raises:
            ValueError: if `image` is no such array.
        """
        check_image(image)
        for windows in _closer(image.shape[1], image.shape[0]):
            boxes = _distinct([box for window in windows for box in self.boxes(image, window)])
            looked = [self._landmarks(image, box) for box in boxes]
            found = sorted((points for points in looked if points is not None), key=_area, reverse=True)
            # Two boxes may have led to one face, upside down for instance.
            kept = _distinct([_box(points) for points in found])
            if kept:
                return [points for points in found if _box(points) in kept]
        return []

    def boxes(self, image: np.ndarray, window: Box | None = None) -> list[Box]:
        """Find faces only, maybe in a window of the image: (left, top, right, bottom) in pixels."""
        left, top, right, bottom = map(int, window or (0, 0, image.shape[1], image.shape[0]))
        # The networks see 192 pixels, so every so many do; and a slice must lie in one piece.
        step = max(1, min(right - left, bottom - top) // NEAR_SIDE)
        part = np.ascontiguousarray(image[top:bottom:step, left:right:step])
        boxes: list[Box] = []
        across, down = (right - left) / part.shape[1], (bottom - top) / part.shape[0]
        for detector, least in ((self._near, NEAR), (self._far, FAR)):
            for face in detector(part, least):
                box = face.box * (across, down, across, down) + (left, top, left, top)
                boxes.append(tuple(box.tolist()))
        return _distinct(boxes)

    def upright(self, crop: np.ndarray) -> bool:
        """Whether the face in a crop is upright; the landmark network sees upright ones everywhere."""
        upright, turned = self._surest(crop), self._surest(np.ascontiguousarray(crop[::-1, ::-1]))
        return turned - upright < SURER

    def _surest(self, crop: np.ndarray) -> float:
        return max((face.score for face in self._near(crop, NEAR)), default=0.0)

    def person(self, image: np.ndarray) -> np.ndarray:
        """Separate the person from the background.

        Args:
            image: [H, W, 3] uint8, RGB.

        Returns:
            [H, W] float32 in [0, 1], 1 where a person is (hair, clothes and hands included).
        """
        check_image(image)
        height, width = image.shape[:2]
        full = Region(width / 2, height / 2, width, height)
        (mask,) = self._person(full.sample(image, self._person.size))
        return enlarged(mask, height, width).clip(0, 1)

    def hands(self, image: np.ndarray) -> list[np.ndarray]:
        """Find hands: for each [21, 2] float32 joints and finger tips in pixels, from an image [H, W, 3] uint8."""
        check_image(image)
        if self._hands is None:
            self._hands = Detector("palms", PALM_ANCHORS, black=0.0), HandLandmarks()
        palms, joints = self._hands
        regions = [hand_region(palm) for palm in palms(image, LEAST_HAND)[:MOST_HANDS]]
        if len(regions) == 2 and overlaps(regions[0].box(), regions[1].box()[None]) > SAME_HAND:
            del regions[0]
        found = [joints(image, region) for region in regions]
        return [hand for hand in found if hand is not None]

    def _landmarks(self, image: np.ndarray, box: Box) -> np.ndarray | None:
        """Landmarks of the face in a box, or None where there turns out to be none."""
        left, top, right, bottom = box
        if min(right - left, bottom - top) < LEAST_SIDE / 2:
            return None
        side = max(right - left, bottom - top) * (1 + 2 * MARGIN)
        x, y = (left + right - side) / 2, (top + bottom - side) / 2
        # Looked for once more, now for its key points: a face must be all inside, so the window may leave the image.
        window, origin, step = _window(image, x, y, side)
        near = self._near(window, HINTED)
        points = self._mesh(window, near[0]) if near else None
        return None if points is None else points * np.float32(step) + origin


def check_image(image: np.ndarray) -> None:
    """Raise a ValueError unless `image` is [H, W, 3] uint8."""
    given = getattr(image, "dtype", type(image).__name__), getattr(image, "shape", ())
    if given[0] != np.uint8 or len(given[1]) != 3 or given[1][2] != 3 or 0 in given[1]:
        raise ValueError(f"image: expected (H, W, 3) uint8 RGB, got {given[0]} {given[1]}")


def _window(image: np.ndarray, x: float, y: float, side: float) -> tuple[np.ndarray, np.ndarray, int]:
    """The square at (x, y), as far as it lies in the image, thinned by `step`; its origin in pixels [3]."""
    left, top = max(0, int(x)), max(0, int(y))
    part = image[top : int(y + side) + 1, left : int(x + side) + 1]
    step = max(1, int(side // NEAR_SIDE))
    height, width = (size // step * step for size in part.shape[:2])
    part = part[:height, :width]
    if step > 1:
        part = part.reshape(height // step, step, width // step, step, 3).mean((1, 3)).astype(np.uint8)
    return np.ascontiguousarray(part), np.array([left, top, 0], np.float32), step


def _closer(width: int, height: int) -> Iterator[list[Box]]:
    """Where to look, until a face is found: the full image, then overlapping squares of it, ever smaller.

    The networks find faces from about a twentieth of what they are shown on.
    """
    yield [(0, 0, width, height)]
    side = min(width, height)
    for _ in range(CLOSER_LOOKS):
        if side < CLOSEST_SIDE or side == max(width, height):
            side //= 2
            continue
        across, down = (np.linspace(0, size - side, -(-2 * size // side) - 1) for size in (width, height))
        yield [(x, y, x + side, y + side) for y in down for x in across]
        side //= 2


def _distinct(boxes: list[Box]) -> list[Box]:
    """Boxes without those that are a former one's face."""
    kept: list[Box] = []
    for box in boxes:
        if not any(_overlap(box, other) > OVERLAP for other in kept):
            kept.append(box)
    return kept


def _box(points: np.ndarray) -> Box:
    (left, top), (right, bottom) = points[:, :2].min(0).tolist(), points[:, :2].max(0).tolist()
    return left, top, right, bottom


def _area(points: np.ndarray) -> float:
    return float(np.ptp(points[:, 0]) * np.ptp(points[:, 1]))


def _overlap(a: Box, b: Box) -> float:
    """Shared area of two boxes over that of the smaller."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    least = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return max(width, 0) * max(height, 0) / max(least, 1e-6)
