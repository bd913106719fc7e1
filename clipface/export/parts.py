"""Parts of a head's mesh that become primitives of their own, and the corners of their triangles."""

from typing import NamedTuple

import numpy as np

from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.head.mesh import split_seams
from clipface.head.regions import known_region_mask

SKIN = "skin"
EYEBALLS, INNER_MOUTH = ("right_eyeball", "left_eyeball"), ("mouth_interior", "tongue", "teeth")
HALF = 0.5  # skinning weight from which on a vertex is of an eyeball, on a head without regions
TINY = 1e-20


class Corners(NamedTuple):
    """N vertices as graphics cards want them: each has one texture coordinate and one sense of the texture."""

    of_vertex: np.ndarray  # [N] the head's vertex of each
    uv: np.ndarray  # [N, 2] with v up
    sense: np.ndarray  # [N] 1, or -1 where the texture is mirrored on the surface
    faces: np.ndarray  # [F, 3]

    def part(self, numbers: np.ndarray) -> "Corners":
        """Some of the triangles, by their numbers, and their vertices alone."""
        used, faces = np.unique(self.faces[numbers], return_inverse=True)
        return Corners(self.of_vertex[used], self.uv[used], self.sense[used], faces.reshape(-1, 3))


def head_parts(head: HeadModel) -> dict[str, np.ndarray]:
    """Numbers of the triangles of skin, eyes and mouth; a part that the head does not tell apart is left to the skin.

    Eyes without regions are what the eyes' joints move.
    """
    faces = head.faces.cpu().numpy()
    eyes = known_region_mask(head, EYEBALLS).cpu().numpy()
    if not eyes.any():
        columns = [JOINTS.index(name) for name in ("left_eye", "right_eye")]
        eyes = head.weights.cpu().numpy()[:, columns].max(1) > HALF
    masks = {"eyes": eyes, "mouth": known_region_mask(head, INNER_MOUTH).cpu().numpy()}
    inside = {name: mask[faces].all(1) for name, mask in masks.items()}
    inside["mouth"] &= ~inside["eyes"]
    parts = {SKIN: ~(inside["eyes"] | inside["mouth"]), **inside}
    return {name: np.flatnonzero(mask) for name, mask in parts.items() if mask.any()}


def split_corners(head: HeadModel) -> Corners:
    """Double vertices on the chart's seams, and where triangles of both senses meet.

    Raises:
        ValueError: if the head has no texture coordinates.
    """
    faces, uv_faces = head.faces.cpu().numpy().astype(np.int64), head.uv_faces.cpu().numpy()
    uv = head.uv.double().cpu().numpy()
    ahead, behind = uv[uv_faces[:, 1]] - uv[uv_faces[:, 0]], uv[uv_faces[:, 2]] - uv[uv_faces[:, 0]]
    mirrored = ahead[:, 0] * behind[:, 1] - ahead[:, 1] * behind[:, 0] < 0
    of_both, of_uv, split = split_seams(2 * faces + mirrored[:, None], uv_faces)
    return Corners(of_both // 2, uv[of_uv], np.where(of_both % 2, -1.0, 1.0), split)


def tangents(corners: Corners, vertices: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Tangents [N, 4] for normal maps: where the texture's x axis points on the surface, and its sense.

    Each triangle's own, laid into the plane across a vertex's normal, in the mean by the angle that it has there: what
    MikkTSpace computes, which glTF's readers assume.

    Args:
        corners: the triangles.
        vertices, normals: [V, 3] of the head.

    Source: Mikkelsen, "Simulation of wrinkled surfaces revisited" (2008), chapter 3.4; written anew.
    """
    places, upright = vertices[corners.of_vertex][corners.faces], normals[corners.of_vertex]
    uv = corners.uv[corners.faces]
    along, aside = places[:, 1] - places[:, 0], places[:, 2] - places[:, 0]
    (u, v), (s, t) = (uv[:, 1] - uv[:, 0]).T[..., None], (uv[:, 2] - uv[:, 0]).T[..., None]
    direction = (t * along - v * aside) * np.sign(u * t - v * s)
    sums = np.zeros((len(corners.of_vertex), 3))
    for corner in range(3):
        up = upright[corners.faces[:, corner]]
        ahead, behind = (places[:, (corner + step) % 3] - places[:, corner] for step in (1, 2))
        ahead, behind, flat = (_across(edge, up) for edge in (ahead, behind, direction))
        angle = np.arccos((ahead * behind).sum(1).clip(-1, 1))
        np.add.at(sums, corners.faces[:, corner], angle[:, None] * flat)
    sums = _across(sums, upright)
    lost = np.linalg.norm(sums, axis=1) < 0.5  # triangles without area on the texture
    sums[lost] = _across(np.where(np.abs(upright[lost, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]]), upright[lost])
    return np.concatenate([sums, corners.sense[:, None]], 1)


def _across(vectors: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Unit vectors [N, 3] of what some have across normals; zero where that is nothing."""
    flat = vectors - (vectors * normals).sum(1, keepdims=True) * normals
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat * (length > TINY) / np.maximum(length, TINY)
