"""Cut the head out of the body: which faces stay, the neck's clipping plane, finer eyes, mended teeth."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from . import eyes
from .source import LEFT_EYE, RIGHT_EYE, BaseMesh

NOSE_TIP, MOUTH_BAG_TOP, TORSO = 297, 554, 815  # one vertex of each of these parts of hm08
NECK_RINGS = 9
PARTS = (
    "skin",
    "mouth_bag",
    "left_socket",
    "right_socket",
    "upper_teeth",
    "lower_teeth",
    "tongue",
    "left_eye",
    "right_eye",
)
# MakeHuman's rows of teeth are too wide and high, its tongue hides them: scale about the part's mean, shift (metres).
MENDED = {
    "upper_teeth": (np.array([0.80, 0.95, 0.95]), np.array([0.0, -0.003, 0.003])),
    "lower_teeth": (np.array([0.80, 0.95, 0.95]), np.array([0.0, -0.003, 0.0])),
    "tongue": (np.array([0.72, 0.75, 0.95]), np.array([0.0, -0.0075, -0.006])),
}
CUT_RANGE = (0.02, 0.98)  # keeps cut vertices off the ends of their edges: no sliver triangles


@dataclass
class Cut:
    """The head as an affine map of the body's vertices.

    `operator` [V, 19158] sparse; `faces` [F, 3]; `corner_uv` [F, 3] index into the base mesh's UVs or -1;
    `part` [F] index into `PARTS`; `mirror` [V].
    """

    operator: csr_matrix
    faces: np.ndarray
    corner_uv: np.ndarray
    part: np.ndarray
    mirror: np.ndarray

    def row_of(self, vertex: int) -> int:
        """The head's vertex that is this vertex of the base mesh."""
        column = self.operator[:, [vertex]].toarray()[:, 0]
        row = int(column.argmax())
        assert column[row] == 1.0
        return row

    def offsets(self, body: np.ndarray) -> np.ndarray:
        """What offsets of the body `[19158, 3]` do to the head `[V, 3]`."""
        head = self.operator @ body
        for name, (scale, _) in MENDED.items():
            rows = self.vertices_of(name)
            middle = head[rows].mean(axis=0)
            head[rows] = middle + (head[rows] - middle) * scale
        return head

    def positions(self, body: np.ndarray) -> np.ndarray:
        """Positions of the head `[V, 3]` for a whole body `[19158, 3]`; teeth and tongue are moved into place."""
        head = self.offsets(body)
        for name, (_, shift) in MENDED.items():
            head[self.vertices_of(name)] += shift
        return head

    def vertices_of(self, *parts: str) -> np.ndarray:
        """Vertices used by faces of the named parts `[N]`, sorted."""
        return np.unique(self.faces[np.isin(self.part, [PARTS.index(part) for part in parts])])


def neck_plane(vertices: np.ndarray) -> np.ndarray:
    """Signed height above the neck's cutting plane (metres, body frame)."""
    return vertices[:, 1] - (0.588 - 0.16 * (vertices[:, 2] - 0.02))


def _islands(base: BaseMesh) -> np.ndarray:
    edges = np.concatenate([base.uv_quads[:, [i, (i + 1) % 4]] for i in range(4)])
    size = len(base.uv)
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(size, size))
    return connected_components(graph, directed=False)[1][base.uv_quads[:, 0]]


def _select(base: BaseMesh) -> dict[str, np.ndarray]:
    """Quads of every part, by index into `base.quads`."""
    island = _islands(base)
    body = base.groups == "body"

    def containing(vertex: int, at: int = 0) -> int:
        return np.unique(island[body & (base.quads == vertex).any(axis=1)])[at]

    skin = island == containing(NOSE_TIP)
    torso = body & (island == containing(TORSO))
    for _ in range(NECK_RINGS):
        near = np.isin(base.quads, np.unique(base.quads[skin])).any(axis=1)
        skin = skin | (near & torso)
    high = [k for k in np.unique(island[body]) if base.vertices[base.quads[island == k], 1].min() > 0.7]
    sockets = {np.sign(base.vertices[base.quads[island == k], 0].mean()): island == k for k in high}
    groups = {"upper_teeth": "helper-upper-teeth", "lower_teeth": "helper-lower-teeth", "tongue": "helper-tongue"}
    masks = {
        "skin": skin,
        "mouth_bag": island == containing(MOUTH_BAG_TOP),
        "left_socket": sockets[1.0],
        "right_socket": sockets[-1.0],
        **{part: base.groups == group for part, group in groups.items()},
    }
    return {part: np.flatnonzero(mask) for part, mask in masks.items()}


def _triangulate(base: BaseMesh, quads: np.ndarray, place: dict) -> tuple[np.ndarray, np.ndarray]:
    """Triangles and their UV corners; the right half is split as the mirror image of the left."""
    triangles, corners = [], []
    for q in quads:
        quad, uv = base.quads[q], base.uv_quads[q]
        start = 0
        if base.vertices[quad, 0].mean() < 0:
            twin = base.quads[place[tuple(sorted(base.mirror[quad]))]]
            ends = base.mirror[twin[[0, 2]]]
            start = 0 if quad[0] in ends else 1
        order = [(start + i) % 4 for i in range(4)]
        for pick in ((0, 1, 2), (0, 2, 3)):
            triangles.append([quad[order[i]] for i in pick])
            corners.append([uv[order[i]] for i in pick])
    return np.array(triangles), np.array(corners)


class _Clipper:
    """Clips triangles by the neck plane; a cut vertex is a fixed mixture of its edge's two ends."""

    def __init__(self, vertices: np.ndarray, mirror: np.ndarray) -> None:
        self.vertices, self.mirror = vertices, mirror
        self.height = neck_plane(vertices)
        self.edges: dict[tuple[int, int], int] = {}

    def cut_vertex(self, inside: int, outside: int) -> int:
        key = (inside, outside)
        return self.edges.setdefault(key, len(self.vertices) + len(self.edges))

    def clip(self, triangle: np.ndarray) -> list[list[int]]:
        inside = self.height[triangle] > 0
        if inside.all():
            return [list(triangle)]
        if not inside.any():
            return []
        if inside.sum() == 1:
            a, b, c = np.roll(triangle, -int(np.flatnonzero(inside)[0]))
            return [[a, self.cut_vertex(a, b), self.cut_vertex(a, c)]]
        c, a, b = np.roll(triangle, -int(np.flatnonzero(~inside)[0]))
        cut_a, cut_b = self.cut_vertex(a, c), self.cut_vertex(b, c)
        if abs(self.vertices[a, 0]) < abs(self.vertices[b, 0]):  # same diagonal on both sides of the head
            return [[a, b, cut_b], [a, cut_b, cut_a]]
        return [[a, b, cut_a], [b, cut_b, cut_a]]

    def rows(self) -> list[tuple[int, int, float]]:
        """`(inside, outside, share of outside)` of every cut vertex."""
        out = []
        for inside, outside in self.edges:
            share = self.height[inside] / (self.height[inside] - self.height[outside])
            out.append((inside, outside, float(np.clip(share, *CUT_RANGE))))
        return out


def _eye_block(base: BaseMesh, block: np.ndarray, right: bool) -> tuple[np.ndarray, np.ndarray]:
    """Operator rows `[N, 19158]` and faces of one fine eyeball (the right one is the mirrored left)."""
    small = eyes.affine_operator(base.vertices[LEFT_EYE])
    rows = np.zeros((len(small), len(base.vertices)))
    rows[:, base.mirror[LEFT_EYE] if right else block] = small
    faces = eyes.sphere_faces()
    return rows, faces[:, ::-1] if right else faces


def cut_head(base: BaseMesh, young: np.ndarray) -> Cut:
    """Select, triangulate, clip and refine; see the module's first line.

    Args:
        young: the average young adult `[19158, 3]`, on which the neck plane is laid.
    """
    clipper = _Clipper(young, base.mirror)
    faces, corners, part = [], [], []
    selected = _select(base)
    place = {tuple(sorted(base.quads[q])): q for quads in selected.values() for q in quads}
    for name, quads in selected.items():
        triangles, uv = _triangulate(base, quads, place)
        for triangle, corner in zip(triangles, uv, strict=True):
            pieces = clipper.clip(triangle) if name == "skin" else [list(triangle)]
            faces += pieces
            corners += [corner if piece == list(triangle) else [-1, -1, -1] for piece in pieces]
            part += [PARTS.index(name)] * len(pieces)
    used = np.unique(faces)
    operator, mirror = _operator(clipper, used)
    cut = Cut(csr_matrix(operator), np.searchsorted(used, np.array(faces)), np.array(corners), np.array(part), mirror)
    return _with_eyes(cut, base)


def _operator(clipper: _Clipper, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows `[N, 19158]` and mirror map `[N]` of the kept and the cut vertices."""
    count, rows = len(clipper.vertices), clipper.rows()
    operator = np.zeros((len(used), count))
    for row, vertex in enumerate(used):
        if vertex < count:
            operator[row, vertex] = 1.0
        else:
            inside, outside, share = rows[vertex - count]
            operator[row, inside], operator[row, outside] = 1 - share, share
    names = {int(vertex): row for row, vertex in enumerate(used)}
    return operator, np.array([names[_mirrored(int(vertex), clipper, count)] for vertex in used])


def _with_eyes(cut: Cut, base: BaseMesh) -> Cut:
    """The same head with both fine eyeballs added."""
    blocks, faces, parts = [cut.operator.toarray()], [cut.faces], [cut.part]
    start, size = len(cut.mirror), 2 + eyes.SEGMENTS * len(eyes.RINGS)
    for number, (block, right) in enumerate(((LEFT_EYE, False), (RIGHT_EYE, True))):
        eye_rows, eye_faces = _eye_block(base, block, right)
        blocks.append(eye_rows)
        faces.append(eye_faces + start + number * size)
        parts.append(np.full(len(eye_faces), PARTS.index("right_eye" if right else "left_eye")))
    mirror = np.concatenate([cut.mirror, start + size + np.arange(size), start + np.arange(size)])
    stacked = np.concatenate(faces)
    corner_uv = np.concatenate([cut.corner_uv, np.full((len(stacked) - len(cut.faces), 3), -1)])
    return Cut(csr_matrix(np.concatenate(blocks)), stacked, corner_uv, np.concatenate(parts), mirror)


def _mirrored(vertex: int, clipper: _Clipper, count: int) -> int:
    if vertex < count:
        return int(clipper.mirror[vertex])
    inside, outside = list(clipper.edges)[vertex - count]
    return clipper.edges[(int(clipper.mirror[inside]), int(clipper.mirror[outside]))]
