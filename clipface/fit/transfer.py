"""The map between two heads of any meshes and UV maps: made from their surfaces, kept in one file."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clipface import weights
from clipface.fit.align import Parts, normals_of, parts_of, vertex_array
from clipface.fit.nearest import NONE, Nearest
from clipface.fit.register import Registered, register
from clipface.head import HeadModel
from clipface.head.expressions import ARKIT_NAMES, has_arkit
from clipface.render.uv import UVMap
from clipface.texture.carry import KIND, WIDE, HeadMap, describe

SIZE = 1024  # of the map's images: two by two places for a texel of a texture of 512²
PRIOR = (2e-5) ** 2  # metres²: how far surfaces may stay apart for a coefficient to be nearer to 0 by a deviation
SURE = 0.06  # of the head's size, up to which another surface is thought to be the same


class Placed:
    """A head's surface in the space where two heads lie on each other.

    Args:
        head: with texture coordinates.
        vertices: [V, 3] in that space.
    """

    def __init__(self, head: HeadModel, vertices: np.ndarray) -> None:
        self.head, self.vertices, self.parts = head, vertices, parts_of(head)
        self.faces = head.faces.cpu().numpy().astype(np.int64)
        self.normals = normals_of(vertices, self.faces)

    def vertices_of(self, triangles: np.ndarray) -> np.ndarray:
        """[V] bool: those of some triangles [F] bool."""
        mask = np.zeros(len(self.vertices), bool)
        mask[self.faces[triangles]] = True
        return mask

    def meet(self, other: "Placed", corners: np.ndarray, barycentric: np.ndarray) -> tuple[np.ndarray, ...]:
        """Where points of this surface lie on another.

        Args:
            other: the other surface.
            corners, barycentric: [N, 3] each, the points by vertices of this head and what they count.

        Returns:
            Triangles [N] of the other head, barycentric weights [N, 3], and [N] bool: whether both have this surface.
        """
        points = (self.vertices[corners] * barycentric[..., None]).sum(1)
        normals = (self.normals[corners] * barycentric[..., None]).sum(1)
        size = np.linalg.norm(other.vertices - other.vertices.mean(0), axis=1).mean()
        face, places = np.zeros(len(points), np.int64), np.zeros((len(points), 3))
        sure = np.zeros(len(points), bool)
        for own, theirs, alike in _partners(self.parts, other.parts):
            rows = np.flatnonzero(self.vertices_of(own)[corners].all(1)) if own.any() else []
            if not len(rows):
                continue
            triangles = np.flatnonzero(theirs)
            surface = Nearest(other.vertices, other.faces[triangles])
            hit, weight, away = surface.closest(points[rows], normals[rows])
            lost = away >= NONE
            if lost.any():
                hit[lost], weight[lost], _ = surface.closest(points[rows][lost])
            face[rows], places[rows], sure[rows] = triangles[hit], weight, alike & (away < SURE * size)
        return face, places, sure


def _partners(own: Parts, other: Parts) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """Which triangles of one head go to which of another, and whether they are of one kind; later ones prevail."""
    flesh, theirs = own.skin | own.inner, other.skin | other.inner
    theirs = theirs if theirs.any() else np.ones_like(theirs)
    pairs = [(flesh, theirs, True)]
    for part, partner in ((own.slack, other.slack), *zip(own.eyes, other.eyes, strict=True)):
        pairs.append((part, partner if partner.any() else theirs, bool(partner.any())))
    return pairs


def make_map(
    source: HeadModel,
    target: HeadModel,
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
    size: int = SIZE,
    backend: str = "warp",
) -> HeadMap:
    """Make the map between two heads with texture coordinates.

    Args:
        source: the head that is bent; if only one has ARKit's expressions, this one.
        target: the other.
        pairs: as of `register`.
        size: of the map's images, places.
        backend: rasteriser of both charts.

    Returns:
        The map, which has no file yet; see `save_map`.

    Raises:
        ValueError: if a head has no texture coordinates, or pairs are not enough.

    Warns:
        UserWarning: if the bent surface stays far from the target.
    """
    if not 16 <= size <= 8192:
        raise ValueError(f"size: expected a number of places from 16 to 8192, got {size}")
    found = register(source, target, pairs)
    bent, other = Placed(source, found.vertices), Placed(target, vertex_array(target))
    tensors = {}
    for name, old, new in (("target", bent, other), ("source", other, bent)):
        places, sure = _lookup(old, new, size, backend)
        tensors[f"to_{name}"], tensors[f"to_{name}_sure"] = places, sure
    if has_arkit(source.expression_names) and target.expression_directions.any():
        tensors |= _expressions(bent, other, found)
    distances = _distances(found)
    _warn_apart(source, target, distances)
    notes = {KIND: 1, "size": size, "source": describe(source), "target": describe(target), **distances}
    return HeadMap(tensors, notes, Path("map.safetensors"))


def save_map(made: HeadMap, path: str | Path) -> HeadMap:
    """Write a map and return it with its path."""
    weights.save(path, made.tensors, made.config)
    return made._replace(path=Path(path))


def _lookup(old: Placed, new: Placed, size: int, backend: str) -> tuple[Tensor, Tensor]:
    """Where in the old head's texture each texel of the new one's is: [size, size, 2] uint16, [size, size] bool."""
    chart = UVMap(new.head, size, backend)
    corners, barycentric = chart.corners.cpu().numpy(), chart.barycentric.double().cpu().numpy()
    face, weight, sure = new.meet(old, corners, barycentric)
    uv = old.head.uv.cpu().numpy()[old.head.uv_faces.cpu().numpy()[face]]
    places = (uv * weight[..., None]).sum(1)
    places = np.stack([places[:, 0], 1 - places[:, 1]], 1).clip(0, 1)
    whole = torch.zeros(size * size, 2)
    texels, nearest = chart.texels.cpu(), chart.nearest.cpu()
    whole[texels] = torch.from_numpy(places).float()
    known = torch.zeros(size * size, dtype=torch.bool)
    known[texels] = torch.from_numpy(sure)
    wide = torch.from_numpy((whole[nearest] * WIDE).round().numpy().astype(np.uint16))
    return wide.view(size, size, 2), known[nearest].view(size, size)


def _expressions(source: Placed, target: Placed, found: Registered) -> dict[str, Tensor]:
    """What the source's slots are on the target.

    `arkit` [52, V, 3] float16, metres on the target's vertices, and `arkit_weight` [V], how much each counts; `shape`
    [S, S'] and `expression` [E, E'], coefficients of the target for one of the source.
    """
    count = len(target.vertices)
    each = np.tile(np.arange(count)[:, None], 3)
    face, weight, sure = target.meet(source, each, np.tile([1.0, 0, 0], (count, 1)))
    corners = target.vertices[target.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    # The root of its area, for lids and lips have small triangles and matter.
    counts = np.sqrt(np.bincount(target.faces.ravel(), np.repeat(area, 3), count)) * sure
    counts = counts / max(counts.sum(), 1e-20)

    def carried(directions: Tensor) -> np.ndarray:
        moves = directions.unflatten(1, (-1, 3)).cpu().numpy()
        moves = sum(moves[:, source.faces[face][:, k]] * weight[:, k, None] for k in range(3))
        return found.similarity.scale * moves @ found.similarity.turn.T

    slots = [source.head.expression_names.index(name) for name in ARKIT_NAMES]
    tensors = {
        "arkit": torch.from_numpy(carried(source.head.expression_directions[slots])).half(),
        "arkit_weight": torch.from_numpy(counts).float(),
    }
    for name in ("shape", "expression"):
        own, other = (getattr(each.head, f"{name}_directions").cpu() for each in (source, target))
        basis = other.unflatten(1, (-1, 3)).numpy()
        tensors[name] = _coefficients(carried(own), basis, np.sqrt(counts)[:, None])
    return tensors


def _coefficients(moves: np.ndarray, basis: np.ndarray, root: np.ndarray) -> Tensor:
    """Coefficients [N, E] of a basis [E, V, 3] for moves [N, V, 3], by least squares with a little ridge."""
    basis, moves = ((part * root).reshape(len(part), -1).astype(np.float64) for part in (basis, moves))
    square = basis @ basis.T + PRIOR * np.eye(len(basis))
    return torch.from_numpy(np.linalg.solve(square, basis @ moves.T).T).float()


def _warn_apart(source: HeadModel, target: HeadModel, distances: dict[str, float]) -> None:
    vertices = vertex_array(source)
    size = distances["scale"] * np.linalg.norm(vertices - vertices.mean(0), axis=1).mean()
    if not distances["distance_95"] < SURE * size:
        warnings.warn(
            f"map: {source.source} and {target.source} hardly meet, a twentieth of the surface stays "
            f"{distances['distance_95'] / size:.0%} of the head's size apart; what is carried will not lie where it "
            "belongs: look at it, and place the heads by --points, or by landmarks of the right mesh",
            stacklevel=2,
        )


def _distances(found: Registered) -> dict[str, float]:
    """How far the bent skin stays from the target."""
    away = found.distance[np.isfinite(found.distance) & (found.distance < NONE)]
    mean, most = (float(f(away)) if len(away) else float("nan") for f in (np.mean, lambda d: np.quantile(d, 0.95)))
    return {"mean_distance": mean, "distance_95": most, "scale": found.similarity.scale}
