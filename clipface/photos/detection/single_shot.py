"""Detectors that see the whole image once: what they say of each anchor becomes a few boxes with key points.

Source: Bazarevsky et al., "BlazeFace: sub-millisecond neural face detection on mobile GPUs" (2019).
"""

from typing import NamedTuple

import numpy as np

from clipface.photos.detection.networks import Network
from clipface.photos.detection.region import Region

SAME = 0.3  # intersection over union, from which on two boxes are of one thing
MOST = 80.0  # that a score's logit counts for: its exponential is still a number


class Detection(NamedTuple):
    """Something found: box [4] (left, top, right, bottom) and key points [K, 2] in pixels, score in 0..1."""

    box: np.ndarray
    points: np.ndarray
    score: float


class Detector:
    """Finds things of one kind.

    Args:
        name: of the network's asset.
        anchors: (stride in pixels, anchors in each cell of that size) of the network's grids.
        black: value that the network sees black as; white is 1.
    """

    def __init__(self, name: str, anchors: tuple[tuple[int, int], ...], black: float) -> None:
        self._network = Network(name, ("boxes", "scores"), black)
        self._anchors = np.concatenate([_centres(self._network.size // stride, count) for stride, count in anchors])

    def __call__(self, image: np.ndarray, least: float) -> list[Detection]:
        """Find things in an image [H, W, 3] uint8 with a score of `least` or more, the surest first."""
        region, size = Region.around(image), self._network.size
        offsets, logits = self._network(region.sample(image, size))
        scores = 1 / (1 + np.exp(-logits.clip(-MOST, MOST)))
        sure = (scores >= least) & (offsets[:, 2:4] >= 0).all(1)
        # Each row: the middle, the width and height, then the key points, all relative to the anchor.
        values, anchors = offsets[sure] / size, self._anchors[sure]
        middles, halves = values[:, :2] + anchors, values[:, 2:4] / 2
        points = values[:, 4:] + np.tile(anchors, (1, values.shape[1] // 2 - 2))
        found = _merged(np.concatenate([middles - halves, middles + halves, points], 1), scores[sure])
        return [_detection(row, score, region) for row, score in found]


def _centres(cells: int, count: int) -> np.ndarray:
    """[cells * cells * count, 2] middles of a grid's cells in 0..1, row by row, each as often as it has anchors."""
    middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    y, x = np.meshgrid(middles, middles, indexing="ij")
    return np.stack([x, y], -1).reshape(-1, 2).repeat(count, 0)


def _merged(rows: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Rows (box, points) that overlap the surest one become one, weighted by their scores; then the rest's surest."""
    order = np.argsort(-scores, kind="stable")
    found = []
    while len(order):
        same = overlaps(rows[order[0], :4], rows[order, :4]) > SAME
        same[0] = True
        weights = scores[order[same]]
        found.append((weights @ rows[order[same]] / weights.sum(), float(weights[0])))
        order = order[~same]
    return found


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box with others [N, 4]."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = sides.clip(0).prod(1)
    total = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - shared
    return shared / np.maximum(total, 1e-12)


def _detection(row: np.ndarray, score: float, region: Region) -> Detection:
    points = region.points(row.reshape(-1, 2))
    return Detection(points[:2].reshape(4), points[2:], score)
