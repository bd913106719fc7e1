"""From what a detector found to landmarks: a turned square of the image, looked at by a second network."""

import math

import numpy as np

from clipface.photos.detection.networks import Network
from clipface.photos.detection.region import Region
from clipface.photos.detection.single_shot import Detection

RIGHT_EYE, LEFT_EYE, FACE_ROOM = 0, 1, 1.5  # key points of a face, and the square's side in sides of the box
# Key points of a palm: the wrist and the middle finger's root. The square moves towards the fingers, in palm heights.
WRIST, MIDDLE, HAND_ROOM, TOWARDS_FINGERS = 0, 2, 2.6, 0.5
PRESENT = 0.5  # probability that there is a face, or a hand, from which on its points count


class FaceLandmarks:
    """Landmarks of one face."""

    def __init__(self) -> None:
        self._network = Network("face_landmarks", ("points", "presence"))

    def __call__(self, image: np.ndarray, face: Detection) -> np.ndarray | None:
        """[478, 3] float32 in pixels of an image [H, W, 3] uint8, or None where there turns out to be no face."""
        across = face.points[LEFT_EYE] - face.points[RIGHT_EYE]
        region = _square(face, FACE_ROOM, math.atan2(across[1], across[0]))
        points, presence = self._network(region.sample(image, self._network.size, repeat=True))
        if presence[0] <= 0:  # the logit of one half
            return None
        inside = points / self._network.size
        return np.concatenate([region.points(inside), inside[:, 2:] * region.width], 1).astype(np.float32)


class HandLandmarks:
    """Joints and finger tips of one hand."""

    def __init__(self) -> None:
        self._network = Network("hand_landmarks", ("points", "presence"))

    def __call__(self, image: np.ndarray, region: Region) -> np.ndarray | None:
        """[21, 2] float32 in pixels of an image [H, W, 3] uint8, or None where there turns out to be no hand."""
        points, presence = self._network(region.sample(image, self._network.size, repeat=True))
        if presence[0] <= PRESENT:
            return None
        return region.points(points.reshape(21, 3)[:, :2] / self._network.size).astype(np.float32)


def hand_region(palm: Detection) -> Region:
    """The square around a hand, its fingers upwards, from its palm."""
    up = palm.points[MIDDLE] - palm.points[WRIST]
    turn = math.atan2(up[0], -up[1])
    region = _square(palm, HAND_ROOM, turn)
    shift = (palm.box[3] - palm.box[1]) * TOWARDS_FINGERS
    return region._replace(x=region.x + shift * math.sin(turn), y=region.y - shift * math.cos(turn))


def _square(found: Detection, room: float, turn: float) -> Region:
    left, top, right, bottom = found.box.tolist()
    side = max(right - left, bottom - top) * room
    return Region((left + right) / 2, (top + bottom) / 2, side, side, turn)
