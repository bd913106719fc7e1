"""A rasteriser in slow, plain float64 NumPy, triangle by triangle: what random scenes are compared with."""

from typing import NamedTuple

import numpy as np


class Seen(NamedTuple):
    """What each pixel [H, W] sees, and whether float32 and vertices snapped to 1/16 pixel must see the same."""

    face: np.ndarray  # triangle + 1, 0: nothing
    weights: np.ndarray  # [H, W, 3], perspective-correct
    depth: np.ndarray  # z/w
    clear: np.ndarray


def draw(clip: np.ndarray, faces: np.ndarray, size: tuple[int, int]) -> Seen:
    """Draw one mesh that lies before the camera: clip [V, 4] with w > 0, faces [F, 3]."""
    height, width = size
    clip = clip.astype(np.float64)
    x = (2 * np.arange(width) + 1) / width - 1
    y = ((2 * np.arange(height) + 1) / height - 1)[:, None]
    face = np.zeros(size, int)
    weights, depth = np.zeros((*size, 3)), np.full(size, np.inf)
    clear = np.ones(size, bool)
    for number, triangle in enumerate(faces):
        corners = clip[triangle]
        points = corners[:, :2] / corners[:, 3:]
        edges, lengths = [], []
        for k in range(3):
            a, b = points[(k + 1) % 3], points[(k + 2) % 3]
            edges.append((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]))
            lengths.append(np.hypot((b[0] - a[0]) * width / 2, (b[1] - a[1]) * height / 2))
        edges = np.stack(edges, -1) * (width * height / 4)  # in square pixels
        area = edges.sum(-1)[0, 0]
        if abs(area) > 1e-9:
            inside = (edges * np.sign(area) > 0).all(-1)
            # Pixels: how far the nearest edge is, if the pixel lies within reach of the triangle at all.
            distance = np.abs(edges) / np.maximum(lengths, 1e-9)
            near_edge = (distance < 0.15).any(-1) & (edges * np.sign(area) / np.maximum(lengths, 1e-9) > -0.15).all(-1)
            flat = edges / area
            share = flat / corners[:, 3]
            share = share / np.where(np.abs(share.sum(-1, keepdims=True)) > 1e-12, share.sum(-1, keepdims=True), 1)
            z = (flat * (corners[:, 2] / corners[:, 3])).sum(-1)
            visible = inside & (np.abs(z) <= 1)
            # The depth at a pixel moves with the snapped vertices: a slope's worth of doubt.
            slope = np.abs(np.gradient(z, axis=0)).max(initial=0) if height > 1 else 0
            slope += np.abs(np.gradient(z, axis=1)).max(initial=0) if width > 1 else 0
            clear &= ~near_edge
            clear &= ~(inside & (np.abs(np.abs(z) - 1) < 1e-4))
            doubt = 0.2 * slope + 1e-5
            closer = visible & (z <= depth)
            clear &= ~(visible & (np.abs(z - depth) < doubt))
            depth, face = np.where(closer, z, depth), np.where(closer, number + 1, face)
            weights = np.where(closer[..., None], share, weights)
        else:  # a line: whatever float32 makes of it
            low, high = points.min(0), points.max(0)
            clear &= ~(
                (x > low[0] - 4 / width)
                & (x < high[0] + 4 / width)
                & (y > low[1] - 4 / height)
                & (y < high[1] + 4 / height)
            )
    return Seen(face, weights, np.where(face > 0, depth, 0), clear)


def interpolate(seen: Seen, values: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertex values [V, C] at each pixel [H, W, C]."""
    corners = values[faces[np.maximum(seen.face - 1, 0)]]  # [H, W, 3, C]
    return (seen.weights[..., None] * corners).sum(-2) * (seen.face > 0)[..., None]


def pyramid(texture: np.ndarray) -> list[np.ndarray]:
    """A texture [Ht, Wt, C] and its levels, each half as large."""
    levels = [texture]
    while max(levels[-1].shape[:2]) > 1 and not any(n > 1 and n % 2 for n in levels[-1].shape[:2]):
        t = levels[-1]
        t = (t[::2] + t[1::2]) / 2 if t.shape[0] > 1 else t
        t = (t[:, ::2] + t[:, 1::2]) / 2 if t.shape[1] > 1 else t
        levels.append(t)
    return levels[:10]


def look_up(texture: np.ndarray, uv: np.ndarray, slopes: np.ndarray, wraps: bool) -> np.ndarray:
    """Trilinear look-up [..., C] at places uv [..., 2], slopes [..., 4] (du/dX, du/dY, dv/dX, dv/dY)."""
    levels = pyramid(texture)
    jacobian = slopes.reshape(*slopes.shape[:-1], 2, 2) * np.array(texture.shape[1::-1])[:, None]
    major = np.linalg.norm(jacobian, 2, axis=(-2, -1))  # the footprint's longer half axis, in texels
    level = np.clip(np.log2(np.maximum(major, 1e-30)), 0, len(levels) - 1)[..., None]
    return sum(np.maximum(1 - np.abs(level - i), 0) * _bilinear(one, uv, wraps) for i, one in enumerate(levels))


def _bilinear(texture: np.ndarray, uv: np.ndarray, wraps: bool) -> np.ndarray:
    size = np.array(texture.shape[1::-1])
    at = (uv - np.floor(uv)) * size - 0.5 if wraps else np.clip(uv * size - 0.5, 0, size - 1)
    low = np.floor(at).astype(int)
    part = at - low
    total = 0
    for dy in (0, 1):
        for dx in (0, 1):
            corner = low + (dx, dy)
            corner = corner % size if wraps else np.minimum(corner, size - 1)
            weight = np.where((dx, dy), part, 1 - part).prod(-1)[..., None]
            total = total + weight * texture[corner[..., 1], corner[..., 0]]
    return total


class Mesh(NamedTuple):
    """What is drawn: clip [V, 4], uv [V, 2], texture [Ht, Wt, C]."""

    clip: np.ndarray
    uv: np.ndarray
    texture: np.ndarray


def paint(mesh: Mesh, faces: np.ndarray, seen: Seen, wraps: bool) -> np.ndarray:
    """Colours [P, C] of the covered pixels that are clear in `seen`, whose triangles are kept."""
    height, width = seen.face.shape
    row, column = np.nonzero(seen.clear & (seen.face > 0))
    triangles = faces[seen.face[row, column] - 1]

    def place(right: float, down: float) -> np.ndarray:
        points = np.stack([(2 * (column + right) + 1) / width - 1, (2 * (row + down) + 1) / height - 1], -1)
        return (_weights(mesh.clip[triangles], points)[..., None] * mesh.uv[triangles]).sum(1)

    step = 1e-4  # of a pixel
    slopes = [(place(step, 0) - place(-step, 0)) / (2 * step), (place(0, step) - place(0, -step)) / (2 * step)]
    return look_up(mesh.texture, place(0, 0), np.stack(slopes, -1).reshape(-1, 4), wraps)


def _weights(corners: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Perspective-correct weights [P, 3] of triangles' corners [P, 3, 4] at places [P, 2] in clip coordinates."""
    points = corners[..., :2] / corners[..., 3:]
    a, b = np.roll(points, -1, 1) - at[:, None], np.roll(points, -2, 1) - at[:, None]
    share = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]) / corners[..., 3]
    return share / share.sum(-1, keepdims=True)


def gradients(mesh: Mesh, faces: np.ndarray, seen: Seen, wraps: bool, cotangent: np.ndarray) -> Mesh:
    """Gradients of sum(cotangent [P, C] * paint(...)) by central differences, number by number."""
    results = Mesh(*(np.zeros(array.shape) for array in mesh))
    for array, result in zip(mesh, results, strict=True):
        step = 1e-5
        for i in np.ndindex(array.shape):
            kept = array[i]
            values = []
            for moved in (kept + step, kept - step):
                array[i] = moved
                values.append((cotangent * paint(mesh, faces, seen, wraps)).sum())
            array[i] = kept
            result[i] = (values[0] - values[1]) / (2 * step)
    return results
