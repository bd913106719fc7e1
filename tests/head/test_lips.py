"""Lips, teeth and tongue of the shipped open head, in every expression that has a name: none goes through another."""

import numpy as np
import pytest
import torch

from clipface.head import load_head
from clipface.head.expressions import ARKIT_NAMES, EXPRESSION_SLOTS, slots_of

MOST = 3e-4  # metres that a lip may be in the other: less than a pixel of a face that fills 700
FAR = 0.02  # metres: beyond is another part of the head
# Shapes that by their definition come with another: lips shut over an open jaw, a tongue between open lips.
NEED = {"mouthClose": {"jawOpen": 1.0}, "tongueOut": {"jawOpen": 0.8}}


def crossed(points: np.ndarray, triangles: np.ndarray, axis: int, way: int) -> float:
    """How far at most points `[N, 3]` must go along `way` * axis to leave a surface that faces that way, metres."""
    flat = [other for other in range(3) if other != axis]
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])[:, axis]
    a, b, c = np.moveaxis(triangles[normal * way > 1e-12], 1, 0)

    def area(p, q, r):
        p, q, r = (corner[..., flat] for corner in (p, q, r))
        return (q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0]

    point = points[:, None]
    shares = np.stack([area(point, b, c), area(a, point, c), area(a, b, point)]) / area(a, b, c)
    away = way * ((shares * np.stack([a, b, c])[:, None, :, axis]).sum(0) - point[..., axis])
    found = np.where((shares >= 0).all(0) & (away > 0) & (away < FAR), away, FAR).min(1)
    return found[found < FAR].max(initial=0.0)


@pytest.fixture(scope="module")
def head():
    return load_head()


@pytest.fixture(scope="module")
def parts(head):
    """Vertices and triangles of the upper and the lower lip, the face's skin, and the vertices of teeth and tongue."""
    points, faces = head.v_template.numpy(), head.faces.numpy()
    region = {name: mask.numpy() for name, mask in head.regions.items()}
    inner = head.landmarks(head.v_template[None])[0, 60:68].numpy()
    inner = inner[inner[:, 0].argsort()]
    above = points[:, 1] > np.interp(points[:, 0], inner[:, 0], inner[:, 1])
    lips = [np.flatnonzero(region["lips"] & (above == side)) for side in (True, False)]
    of = [faces[np.isin(faces, lip).all(1)] for lip in lips]
    skin = faces[(region["face"] | region["lips"])[faces].all(1)]
    return *lips, *of, skin, np.flatnonzero(region["teeth"]), np.flatnonzero(region["tongue"])


def expressions() -> dict[str, dict[str, float]]:
    found = {name: {name: 1.0, **NEED.get(name, {})} for name in ARKIT_NAMES}
    stems = [name.removesuffix("Left") for name in ARKIT_NAMES if name.endswith("Left")]
    found |= {f"both {stem}": {stem: 1.0} for stem in stems if stem not in ("mouth", "jaw")}
    named = EXPRESSION_SLOTS.items()
    return found | {f"{name} {number}": way for name, ways in named for number, way in enumerate(ways)}


def vertices(head, slots: dict[str, float]) -> np.ndarray:
    names = list(head.expression_names)
    expression = torch.zeros(1, head.n_expression)
    for stem, value in slots.items():
        for name in slots_of(stem, names):
            expression[0, names.index(name)] = value
    return head(None, expression)[0].numpy()


@pytest.mark.parametrize("name", expressions())
def test_lips_teeth_and_tongue_stay_apart(head, parts, name):
    upper, lower, of_upper, of_lower, skin, teeth, tongue = parts
    points = vertices(head, expressions()[name])
    assert crossed(points[upper], points[of_lower], 1, 1) < MOST
    assert crossed(points[lower], points[of_upper], 1, -1) < MOST
    for inside in (teeth, tongue):
        # In front of the face's skin: leaving it backwards means facing the viewer from behind it.
        assert crossed_in_front(points[inside], points[skin]) < MOST


def crossed_in_front(points: np.ndarray, triangles: np.ndarray) -> float:
    """How far at most points stand before skin that faces the viewer, metres."""
    mirrored = np.array([1.0, 1.0, -1.0])
    return crossed(points * mirrored, triangles[:, ::-1] * mirrored, 2, 1)


def test_the_tongue_lies_low_when_the_jaw_opens(head, parts):
    *_, teeth, tongue = parts
    points = vertices(head, {"jawOpen": 1.0})
    lower = points[teeth][points[teeth, 1] < points[teeth, 1].mean()]
    edge = lower[lower[:, 2] > np.quantile(lower[:, 2], 0.8), 1].max()
    front = points[tongue][points[tongue, 2] > np.quantile(points[tongue, 2], 0.8)]
    assert front[:, 1].mean() < edge, "the lower front teeth are seen before it"
    assert points[tongue, 2].max() < lower[:, 2].max()
