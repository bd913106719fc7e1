"""Textures in files carried between heads, by a map that is made where it is missing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from clipface.files import read_table
from clipface.fit.align import landmarks_of, sphere, vertex_array
from clipface.fit.transfer import SIZE, make_map, save_map
from clipface.head import HeadModel, load_head
from clipface.head.data import JOINTS, HeadData
from clipface.head.mesh import Obj, read_obj, uv_map_hash
from clipface.images import PhotographError, read_photograph
from clipface.settings import HEADS
from clipface.texture.carry import MAP_FILE, Carrier, HeadMap, read_head_map
from clipface.texture.convert import change_files
from clipface.texture.linear import load_texture_model

LANDMARKS = 68
DIGITS = 9  # of a number in a table, at most
LEAST_ROUND, ROUND = 30, 0.15  # vertices of an eyeball, and how far it is from a sphere, of its radius
LEAST_EYE, MOST_EYE = 0.05, 0.3  # its radius, of the head's size
COLUMNS = ("landmark", "vertex")


def load_surface(name: str) -> HeadModel:
    """A head by name or file: open, flame, a `.pkl` in FLAME's format, an `.npz` of the open head's, or an `.obj`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for another kind of file, or a damaged one.
    """
    suffix = Path(name).suffix.lower()
    if name in HEADS:
        return load_head(name)
    if suffix == ".pkl":
        return load_head("flame", name)
    if suffix == ".npz":
        return load_head("open", name)
    if suffix != ".obj":
        raise ValueError(f"head: expected open, flame or a file .obj, .pkl or .npz, got {name!r}")
    return _obj_head(Path(name))


def _obj_head(path: Path) -> HeadModel:
    """A mesh as a head that does not move: the largest piece is skin, round ones are eyeballs, others are teeth."""
    mesh = read_obj(path, polygons=True)
    count, joints = len(mesh.vertices), len(JOINTS)
    eyes, other = _pieces(mesh)
    none = np.zeros((count, 3, 1), np.float32)
    weights = np.zeros((count, joints), np.float32)
    weights[:, 0] = 1
    for name, rows in eyes.items():
        weights[rows] = np.eye(joints, dtype=np.float32)[JOINTS.index(name)]
    data = HeadData(
        mesh.vertices, mesh.faces, none, none, np.zeros((count, 3, 9 * (joints - 1)), np.float32),
        np.zeros((joints, count), np.float32), np.array([-1, 0, 1, 1, 1]), weights, mesh.uv, mesh.uv_faces,
        regions={"teeth": other} if len(other) else {}, source=path.name,
    )  # fmt: skip
    head = HeadModel(data)
    head.file = path
    return head


def _pieces(mesh: Obj) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Vertices of each eyeball by its joint's name, and those of all other small pieces."""
    edges = np.concatenate([mesh.faces[:, [i, (i + 1) % 3]] for i in range(3)])
    # Vertices that exporters doubled at seams are one again.
    same = np.unique(mesh.vertices.round(6), axis=0, return_inverse=True)[1].ravel()
    graph = coo_matrix((np.ones(len(edges)), same[edges].T), shape=(len(same), len(same)))
    label = connected_components(graph, directed=False)[1][same]
    counts = np.bincount(label)
    eyes, other = {}, [np.empty(0, np.int64)]
    middle, size = mesh.vertices.mean(0), np.linalg.norm(mesh.vertices - mesh.vertices.mean(0), axis=1).mean()
    for piece in np.flatnonzero((counts > 0) & (counts < counts.max())):
        rows = np.flatnonzero(label == piece)
        centre, radius = sphere(mesh.vertices[rows].astype(np.float64))
        uneven = np.abs(np.linalg.norm(mesh.vertices[rows] - centre, axis=1) - radius).max()
        if len(rows) >= LEAST_ROUND and uneven < ROUND * radius and LEAST_EYE * size < radius < MOST_EYE * size:
            name = "left_eye" if centre[0] > middle[0] else "right_eye"
            eyes[name] = np.concatenate([eyes.get(name, rows[:0]), rows])
        else:
            other.append(rows)
    return eyes, np.concatenate(other)


def map_between(
    first: str,
    second: str,
    file: Path | None = None,
    points: Path | None = None,
    size: int = SIZE,
    anew: bool = False,
) -> tuple[HeadMap, HeadModel, HeadModel]:
    """Read the map between two heads, or make and write it.

    Args:
        first, second: as of `load_surface`; textures are to go from the first to the second.
        file: of the map; None: beside the second head's file, or the first's if that is less well known.
        points: table of landmarks (1 to 68) and vertices (from 1, as OBJ files count) of the less well known head.
        size: of a map that is made.
        anew: make it though there is one.

    Returns:
        The map, the first head and the second.

    Raises:
        FileNotFoundError, ValueError: if a file is missing, damaged, or does not fit, or the map is of other heads.
    """
    heads = load_surface(first), load_surface(second)
    hashes = [uv_map_hash(head) for head in heads]
    order = sorted((0, 1), key=lambda place: _known(heads[place]))
    source, target = heads[order[0]], heads[order[1]]
    file = file or _place((first, second)[order[0]], source, target)
    if file.is_file() and not anew:
        found = read_head_map(file)
        found.carrier(*hashes)  # refuses a map of others
        return found, *heads
    pairs = None if points is None else landmark_pairs(points, source, target)
    return save_map(make_map(source, target, pairs, size), file), *heads


def carry_files(
    sources: Sequence[Path], out: Path, found: HeadMap, heads: Sequence[HeadModel], size: int | None, base: Path | None
) -> int:
    """Carry texture files from the first head to the second.

    Args:
        sources, out: as of `clipface.texture.convert.convert_files`.
        found: the map.
        heads: both.
        size: of the new textures; None: that of each.
        base: texture of the second head that shows what the first lacks, such as teeth; None: the open head has one,
            on other heads it is what lies nearest.

    Returns:
        How many were written.
    """
    if size is not None and size < 1:
        raise ValueError(f"size: expected a number of texels from 1 up, got {size}")
    carrier = found.carrier(*(uv_map_hash(head) for head in heads))
    behind = None
    if base is not None:
        try:
            image = read_photograph(base).image
        except PhotographError as error:
            raise ValueError(f"base: {base}: {error}") from error
        behind = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    elif (model := load_texture_model(heads[1])) is not None:
        behind = model[1]

    def change(pixels: np.ndarray) -> np.ndarray:
        texture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
        return _over(carrier, texture, size or len(pixels), behind)

    return change_files(sources, out, change)


def _over(carrier: Carrier, texture: Tensor, size: int, base: Tensor | None) -> np.ndarray:
    """A carried texture [size, size, C] before a base [3, R, R] in 0..1; all else in 0..255."""
    carried = carrier(texture, size)[0]
    if base is not None:
        share = carrier.sure_at(size)[0]
        behind = torch.nn.functional.interpolate(255 * base[None], (size, size), mode="area")[0]
        carried[:3] = share * carried[:3] + (1 - share) * behind
    return carried.permute(1, 2, 0).numpy()


def _known(head: HeadModel) -> int:
    """Lower for a head of which more is known: the open one, FLAME, then meshes."""
    return 0 if head.uv_map_changed else 1 if head.n_expression > 1 else 2


def _place(name: str, source: HeadModel, target: HeadModel) -> Path:
    """Where a map is kept if nothing else is said."""
    if target.file is None:
        raise ValueError(f"map: expected a place for it, since {target.source} has no file; give --map")
    if source.uv_map_changed and target.n_expression > 1:
        return target.file.with_name(MAP_FILE)
    return target.file.with_name(f"{target.file.stem}_from_{Path(name).stem}.safetensors")


def landmark_pairs(path: Path, source: HeadModel, target: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Read points [N, 3] of both heads, from landmarks of the one and vertices of the other.

    Raises:
        FileNotFoundError, ValueError: if the table is missing or damaged, or a row does not fit; names it.
    """
    rows = read_table(path, COLUMNS, "points")
    places, vertices = landmarks_of(source), vertex_array(target)
    limits, found = (LANDMARKS, len(vertices)), []
    for line, row in enumerate(rows, 2):
        numbers = [row[name].strip() for name in COLUMNS]
        fits = all(n.isdecimal() and len(n) <= DIGITS for n in numbers)
        if not fits or any(not 1 <= int(n) <= limit for n, limit in zip(numbers, limits, strict=True)):
            raise ValueError(
                f"{path}: line {line}: expected a landmark from 1 to {LANDMARKS} and a vertex from 1 to "
                f"{len(vertices)} of {target.source}, got {', '.join(numbers)[:60]}"
            )
        found.append([int(number) - 1 for number in numbers])
    marks = np.array(found, np.int64).reshape(-1, 2)
    return places[marks[:, 0]], vertices[marks[:, 1]]
