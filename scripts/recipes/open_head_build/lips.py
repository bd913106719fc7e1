"""Expression shapes mended where they push one lip through the other: both give way, and the skin around follows."""

from collections.abc import Collection, Mapping

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from clipface.head.expressions import EXPRESSION_SLOTS, slots_of

from .geometry import Cut
from .rings import arcs, openings

LIP = 0.018  # metres along the surface from the lips' edge: what may touch the other lip
NEAR = 0.0015  # metres: a vertex that is this much nearer to one lip's edge belongs to it nearly wholly
SPREAD = 0.005  # metres, standard deviation of what moves with a vertex that gives way
MOST = 0.02  # metres: deeper is not a crossing but another part of the head
MARGIN, ROUNDS = 0.0001, 12  # metres by which lips are parted too far; rounds of giving way
# What an expression needs beside it, for it to mean anything.
TOGETHER = {"mouthClose": {"jawOpen": 1.0}, "tongueOut": {"jawOpen": 0.7}}
ONE_WAY = ("jawLeft", "mouthLeft")  # these and their opposites exclude each other


class Lips:
    """The two lips of the head, and what follows each of them.

    Args:
        mean: the mean head `[V, 3]`.
    """

    def __init__(self, cut: Cut, mean: np.ndarray) -> None:
        self.mean = mean
        faces = cut.faces[np.isin(cut.part, [0, 1])]  # skin and mouth bag, which are one surface
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        lengths = np.linalg.norm(mean[edges[:, 0]] - mean[edges[:, 1]], axis=1)
        graph = csr_matrix((lengths, edges.T), shape=(len(mean), len(mean)))
        rims = arcs(openings(cut, mean)["mouth"], mean)
        distance = [dijkstra(graph, False, rim[1:-1], min_only=True) for rim in rims]
        upper, lower = (np.where(np.isfinite(part), part, 1.0) for part in distance)
        self.side = np.tanh((lower - upper) / NEAR)  # 1: follows the upper lip, -1: the lower one
        self.reach = np.minimum(upper, lower)
        self.own = [np.flatnonzero((self.side * sign > 0.5) & (self.reach < LIP)) for sign in (1, -1)]
        self.faces = [faces[np.isin(faces, own).all(axis=1)] for own in self.own]

    def depth(self, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How deep the upper lip's vertices are below the lower lip's skin, and the other way round, metres."""
        below = _crossed(head[self.own[0]], head[self.faces[1]], 1)
        return below, _crossed(head[self.own[1]], head[self.faces[0]], -1)

    def giving_way(self, head: np.ndarray) -> tuple[np.ndarray, float]:
        """Heights `[V]` by which vertices move so that lips part, and how deep the worst one is."""
        depths = self.depth(head)
        worst = max(part.max() for part in depths)
        push = np.zeros(len(head))
        for own, other, depth in zip(self.own, self.own[::-1], depths, strict=True):
            for vertex, by in zip(own[depth > MARGIN], depth[depth > MARGIN], strict=True):
                # The vertex and whatever of the other lip is now at its place share the way.
                near = np.linalg.norm(head[other] - head[vertex], axis=1)
                for centre in (vertex, other[near.argmin()]):
                    away = np.linalg.norm(self.mean - self.mean[centre], axis=1)
                    push = np.maximum(push, (by + MARGIN) / 2 * np.exp(-0.5 * (away / SPREAD) ** 2))
        return push * self.side * (self.reach < 3 * LIP), worst


def _crossed(points: np.ndarray, triangles: np.ndarray, way: int) -> np.ndarray:
    """How far points `[N, 3]` are from leaving a surface upwards (way 1) or downwards (-1); 0 if they are not in it."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)[:, 1]
    a, b, c = (corner[normal * way > 1e-12] for corner in (a, b, c))
    flat = points[:, None, [0, 2]]

    def turn(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]

    corners = [corner[None][..., [0, 2]] for corner in (a, b, c)]
    whole = turn(corners[1] - corners[0], corners[2] - corners[0])
    shares = [turn(corners[(i + 1) % 3] - flat, corners[(i + 2) % 3] - flat) / whole for i in range(3)]
    height = sum(share * corner[None, :, 1] for share, corner in zip(shares, (a, b, c), strict=True))
    away = way * (height - points[:, None, 1])
    within = (np.min(shares, axis=0) >= 0) & (away > 0) & (away < MOST)
    return np.where(within.any(axis=1), np.where(within, away, MOST).min(axis=1), 0.0)


def whole_expressions(names: Collection[str]) -> list[dict[str, float]]:
    """What lips must stand, slots and strengths: each shape, both its sides together, and the project's expressions."""
    found = [{name: 1.0, **TOGETHER.get(name, {})} for name in names]
    stems = [name.removesuffix("Left") for name in names if name.endswith("Left") and name not in ONE_WAY]
    found += [{slot: 1.0 for slot in slots_of(stem, names)} for stem in stems]
    ways = [way for ways in EXPRESSION_SLOTS.values() for way in ways]
    return found + [{slot: value for stem, value in way.items() for slot in slots_of(stem, names)} for way in ways]


def part_lips(cut: Cut, mean: np.ndarray, offsets: dict[str, np.ndarray]) -> None:
    """Mend shapes in place so that neither they nor whole expressions push one lip through the other.

    Args:
        mean: the mean head `[V, 3]`.
        offsets: shapes `[V, 3]` by slot name.
    """
    lips = Lips(cut, mean)
    for _ in range(ROUNDS):
        worst = 0.0
        for slots in whole_expressions(offsets):
            moved = sum(value * offsets[name] for name, value in slots.items())
            push, depth = lips.giving_way(mean + moved)
            worst = max(worst, depth)
            if depth > MARGIN:
                _share(push, slots, offsets, mean)
        if worst < 2 * MARGIN:
            break


def _share(push: np.ndarray, slots: Mapping[str, float], offsets: dict[str, np.ndarray], mean: np.ndarray) -> None:
    """Give each slot its part of a push: by strength, and to the two sides by where the vertices are."""
    side = {"Left": (1 + np.tanh(mean[:, 0] / 0.008)) / 2, "Right": (1 - np.tanh(mean[:, 0] / 0.008)) / 2}
    mouth = {name: value for name, value in slots.items() if name.startswith("mouth")}
    moving, part = mouth or slots, {}
    for name, value in moving.items():
        both = any(name.endswith(ending) and name.replace(ending, other) in moving
                   for ending, other in (("Left", "Right"), ("Right", "Left")))  # fmt: skip
        part[name] = value * (side["Left" if name.endswith("Left") else "Right"] if both else 1.0)
    total = sum(value * part[name] for name, value in moving.items())
    for name in moving:
        offsets[name][:, 1] += push * part[name] / np.maximum(total, 1e-6)
