"""Lines across a head's outline, along which contour points slide to stay on the silhouette."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.fit.correspondence import Correspondence, face_skin
from clipface.fit.surface import Surface
from clipface.head import HeadModel

REACH = 0.05  # metres from a contour point to the pivot of its line, as far inwards as away from the viewer
ANGLES = (6, 12, 18, 25, 32, 40, 48)  # degrees from the contour point, towards the viewer, at which lines are sampled
JUMP = 0.025  # metres between neighbouring samples; a longer step has left the face


class ContourLines(NamedTuple):
    """C lines of K samples each.

    `rows` [C] int64 say which points of the correspondence slide; `corners` [C, K, 3] and `barycentric` [C, K, 3] are
    the samples, from the contour point itself towards the front: on the side that turns to the viewer a contour point
    stays where it is, on the other side it is where the face ends; `towards` [C, 3] are the outward unit directions in
    the image: the sample that reaches farthest in it is the one on the silhouette.
    """

    rows: Tensor
    corners: Tensor
    barycentric: Tensor
    towards: Tensor

    def chosen(self, samples: Tensor) -> Tensor:
        """Which sample [B, C] int64 is on the silhouette, of posed samples [B, C, K, 3] in the head frame."""
        return (samples.detach() * self.towards[:, None].to(samples)).sum(-1).argmax(-1)


def contour_lines(head: HeadModel, points: Correspondence) -> ContourLines:
    """Lay a line through each contour point, in the plane of the point's outward direction and the viewing axis.

    Lines run over the face's skin, and end where the next sample would be on another part of the head.
    """
    with torch.no_grad():
        neutral = head()
        places = points.on(neutral)[0].cpu().numpy().astype(np.float64)
    vertices, faces = neutral[0].cpu().numpy().astype(np.float64), head.faces.cpu().numpy().astype(np.int64)
    allowed = np.flatnonzero(face_skin(head, vertices))
    surface = Surface(vertices, faces[allowed])
    rows = points.rows("contour")
    outwards = _outwards(places, rows.numpy())
    corners, weights = [], []
    for row, outward in zip(rows.tolist(), outwards, strict=True):
        line = _line(surface, places[row], outward)
        # The first sample is the point itself. Where a line ends early, its last sample stands for the missing ones.
        samples = [(points.corners[row].numpy(), points.barycentric[row].numpy())]
        samples += [(faces[allowed[number]], weight) for number, weight in line]
        samples += samples[-1:] * (len(ANGLES) + 1 - len(samples))
        corners.append(np.stack([corner for corner, _ in samples]))
        weights.append(np.stack([weight for _, weight in samples]))
    corners, weights = torch.from_numpy(np.stack(corners)), torch.from_numpy(np.stack(weights)).float()
    return ContourLines(rows, corners, weights, torch.from_numpy(outwards).float())


def _outwards(places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Outward directions [C, 3] of the outline in the image's plane, from neighbours on it."""
    flat = places[rows, :2]
    centre = places[:, :2].mean(0)
    order = np.argsort(np.arctan2(*(flat - centre).T[::-1] * [[-1], [1]]))  # starts above, where the outline is open
    around = flat[order]
    along = np.gradient(around, axis=0)
    outward = np.stack([along[:, 1], -along[:, 0]], 1)
    outward *= np.sign((outward * (around - centre)).sum(1, keepdims=True))
    result = np.zeros((len(rows), 3))
    result[order, :2] = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    return result


def _line(surface: Surface, place: np.ndarray, outward: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Triangles and weights [3] of a line's samples from `place` on, as far as it reaches."""
    front = np.array([0, 0, 1.0])
    pivot = place - REACH * (front + outward) / np.sqrt(2)
    angles = np.radians(45 + np.array(ANGLES))
    rays = np.sin(angles)[:, None] * front + np.cos(angles)[:, None] * outward
    distance, weights = surface.cut(pivot, rays)
    line, last = [], place
    for along, ray, weight in zip(distance, rays, weights, strict=True):
        hit = np.flatnonzero(np.isfinite(along))
        away = np.linalg.norm(pivot + along[hit][:, None] * ray - last, axis=1)
        if not len(hit) or away.min() > JUMP:
            break
        best = int(hit[away.argmin()])
        last = pivot + along[best] * ray
        line.append((best, weight[best]))
    return line
