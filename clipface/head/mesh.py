"""Triangle meshes with texture coordinates: reading OBJ files and splitting seams."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clipface.files import regular
from clipface.head.model import HeadModel

DIGITS = 12  # of a checksum in messages


class Obj(NamedTuple):
    """What an OBJ file says about a textured triangle mesh."""

    vertices: np.ndarray  # [V, 3] float32
    uv: np.ndarray  # [Vt, 2] float32, v up
    faces: np.ndarray  # [F, 3] int64 indices into vertices
    uv_faces: np.ndarray  # [F, 3] int64 indices into uv


def read_obj(path: str | Path, polygons: bool = False) -> Obj:
    """Read vertices, texture coordinates and triangles (`f v/vt v/vt v/vt`) of an OBJ file.

    Args:
        path: of the file.
        polygons: whether faces of more corners are taken, as triangles about their first one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the line that is not a triangle with texture coordinates, an index out of range, or numbers
            that are not finite.
    """
    path = regular(path, "OBJ file")
    vertices, uv, corners = [], [], []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        kind, *words = line.split() or [""]
        try:
            if kind == "v":
                vertices.append([float(word) for word in words[:3]])
            elif kind == "vt":
                uv.append([float(word) for word in words[:2]])
            elif kind == "f":
                face = [[int(index) - 1 for index in word.split("/")[:2]] for word in words]
                if any(len(corner) != 2 for corner in face) or len(face) < 3 or (len(face) > 3 and not polygons):
                    raise ValueError("expected a face of three v/vt corners")
                corners += [[face[0], face[k], face[k + 1]] for k in range(1, len(face) - 1)]
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}, got {line[:60]!r}") from error
    try:
        with np.errstate(over="ignore"):
            arrays = np.array(vertices, np.float32).reshape(-1, 3), np.array(uv, np.float32).reshape(-1, 2)
    except ValueError as error:
        raise ValueError(f"{path}: a vertex or texture coordinate lacks a number; the file may be cut off") from error
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"{path}: expected finite vertices and texture coordinates, got NaN or infinity")
    try:
        indices = np.array(corners, np.int64).reshape(-1, 3, 2)
    except OverflowError:
        raise ValueError(f"{path}: expected faces with indices from 1, got one of more than 18 digits") from None
    for name, index, count in (("vertex", indices[..., 0], len(vertices)), ("vt", indices[..., 1], len(uv))):
        if index.size == 0 or index.min() < 0 or index.max() >= count:
            raise ValueError(f"{path}: expected faces with {name} indices from 1 to {count}; the file may be cut off")
    return Obj(*arrays, indices[..., 0], indices[..., 1])


def topology(head: HeadModel) -> str:
    """Checksum of a head's vertex count and triangles, in their order: by it a file knows the mesh it belongs to."""
    faces = head.faces.cpu().numpy().astype("<i4")
    return hashlib.sha256(f"{len(head.v_template)} ".encode() + faces.tobytes()).hexdigest()


def head_hash(head: HeadModel) -> str:
    """Checksum of a head's template and directions of identity and expression: by it files know what coefficients mean.

    FLAME 2020 and FLAME 2023, for instance, have one mesh and one UV map, and other directions.
    """
    digest = hashlib.sha256()
    for array in (head.v_template, head.shape_directions, head.expression_directions):
        digest.update(np.ascontiguousarray(array.detach().cpu().numpy(), "<f4"))
    return digest.hexdigest()


def uv_map_hash(head: HeadModel) -> str:
    """Checksum of a head's texture coordinates and their triangles: by it a file knows the UV map that it is of."""
    uv, faces = head.uv.cpu().numpy().astype("<f4"), head.uv_faces.cpu().numpy().astype("<i4")
    return hashlib.sha256(uv.tobytes() + faces.tobytes()).hexdigest()


def check_uv_map(what: str, noted: str | None, head: HeadModel, remedy: str) -> None:
    """Refuse what was made for another UV map than the head's.

    Args:
        what: the file, for the message.
        noted: the `uv_map_hash` in its configuration; None: it has none, which is an older file. FLAME's are taken.
        head: on which it is to be used.
        remedy: what to do instead.

    Raises:
        ValueError: if it is of another map.
    """
    if noted is None and not head.uv_map_changed:
        return
    expected = uv_map_hash(head)
    if noted == expected:
        return
    got = "none noted (another head's, or of its former map)" if noted is None else str(noted)[:DIGITS]
    raise ValueError(f"{what}: expected UV map {expected[:DIGITS]} of {head.source}, got {got}; {remedy}")


def reorder_corners(faces: np.ndarray, like: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Carry values of face corners over to the same triangles listed in another order or from another first corner.

    Args:
        faces: [F, 3] triangles that `values` belong to.
        like: [F, 3] the same triangles in the new order.
        values: [F, 3].

    Returns:
        [F, 3] values in the order of `like`.

    Raises:
        ValueError: if the two lists are not the same triangles.
    """
    first, second = _canonical_order(faces), _canonical_order(like)
    same = faces.shape == like.shape and np.array_equal(faces[first], like[second])
    if not same:
        raise ValueError(f"the {len(faces)} triangles given are not the {len(like)} of the head")
    result = np.empty_like(values)
    result[second] = values[first]
    return result


def _canonical_order(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column indices that start each triangle at its lowest vertex and sort the triangles."""
    columns = (faces.argmin(axis=1)[:, None] + np.arange(3)) % 3
    rolled = np.take_along_axis(faces, columns, axis=1)
    rows = np.lexsort(rolled.T[::-1])
    return rows[:, None], columns[rows]


def split_seams(faces: np.ndarray, uv_faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Double the vertices on texture seams, so each has one texture coordinate (as GLB and graphics cards want).

    Args:
        faces: [F, 3] vertex indices.
        uv_faces: [F, 3] texture coordinate indices of the same corners.

    Returns:
        [N] vertex index and [N] texture coordinate index of each new vertex, and [F, 3] faces of new vertices.
    """
    pairs = np.stack([faces.ravel(), uv_faces.ravel()], axis=1)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    return unique[:, 0], unique[:, 1], inverse.reshape(faces.shape)
