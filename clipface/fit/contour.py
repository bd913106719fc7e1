"""Lines across a head's outline, along which contour points slide to stay on the silhouette."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.fit.correspondence import Correspondence, not_contour
from clipface.fit.surface import Surface
from clipface.head import HeadModel

REACH = 0.05  # metres from a contour point to the pivot of its line, half inwards and half away from the viewer
# Angles from the contour point's own direction at which the line is sampled, degrees, positive towards the viewer.
ANGLES = (0, 6, 12, 18, 25, 32, 40, 48)
JUMP = 0.025  # metres between neighbouring samples; a longer step has left the face


class ContourLines(NamedTuple):
    """C lines of K samples each.

    `rows` [C] int64 say which points of the correspondence slide; `corners` [C, K, 3] and `barycentric` [C, K, 3] are
    the samples, from the back to the front; `towards` [C, 3] unit directions seen from the camera: the sample that
    reaches farthest in it is the one on the silhouette. For a head that looks into the camera this is the contour point.
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

    Lines run over skin without ears, and end where the next sample would be on another part of the head.
    """
    with torch.no_grad():
        vertices = head()
        places = points.on(vertices)[0].cpu().numpy().astype(np.float64)
    faces = head.faces.cpu().numpy().astype(np.int64)
    allowed = np.flatnonzero(~not_contour(head))
    surface = Surface(vertices[0].cpu().numpy().astype(np.float64), faces[allowed])
    rows = points.rows("contour")
    outwards = _outwards(places, rows.numpy())
    found = [_line(surface, places[row], outward) for row, outward in zip(rows.tolist(), outwards, strict=True)]
    corners = np.stack([faces[allowed[line]] for line, _ in found])
    weights = np.stack([weight for _, weight in found])
    return ContourLines(
        rows, torch.from_numpy(corners), torch.from_numpy(weights).float(), torch.from_numpy(outwards).float()
    )


def _outwards(places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Outward directions [C, 3] of the outline in the picture's plane, from neighbours on it."""
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


def _line(surface: Surface, place: np.ndarray, outward: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles [K], weights [K, 3] of a line's samples, and the direction [3] in which `place` reaches farthest."""
    back = np.array([0, 0, -1.0])
    pivot = place + REACH * (back - outward) / np.sqrt(2)
    start = np.arctan2(*((place - pivot) @ np.stack([-back, outward], 1)))
    angles = start + np.radians(ANGLES)
    rays = np.sin(angles)[:, None] * -back + np.cos(angles)[:, None] * outward
    distance, numbers, weights = surface.cut(pivot, rays)
    middle = ANGLES.index(0)
    picked = np.full(len(ANGLES), -1)
    for steps in (range(middle, len(ANGLES)), range(middle - 1, -1, -1)):
        previous = place
        for k in steps:
            away = np.linalg.norm(pivot + distance[k][:, None].clip(max=1) * rays[k] - previous, axis=1)
            best = int(np.where(np.isfinite(distance[k]), away, np.inf).argmin())
            if not np.isfinite(distance[k, best]) or away[best] > JUMP:
                break
            picked[k], previous = best, pivot + distance[k, best] * rays[k]
    have = np.flatnonzero(picked >= 0)
    if not len(have):
        raise ValueError("contour: a point on skin outside of the ears is wanted; the correspondence does not fit")
    # Where a line ends early its last sample stands for the missing ones.
    filled = have[np.abs(np.arange(len(ANGLES))[:, None] - have).argmin(1)]
    chosen = picked[filled]
    return numbers[chosen], weights[filled, chosen]
