"""A finer eyeball: MakeHuman's has 72 vertices, so new vertices are an affine map of those 72."""

import numpy as np

SEGMENTS = 16
IRIS_EDGE = 22.5  # degrees from the optical axis: 5.9 mm iris radius on a 15 mm ball
RINGS = (6.0, 13.0, IRIS_EDGE, 29.0, 38.0, 50.0, 65.0, 82.0, 105.0, 140.0)  # degrees from the front pole
FRONT_LIMIT = 120.0  # faces nearer the front than this lie in the visible disc of the chart


def sphere_directions() -> np.ndarray:
    """Unit directions of the new eyeball's vertices `[N, 3]`: front pole, rings front to back, back pole."""
    turn = 2 * np.pi * (np.arange(SEGMENTS) + 0.5) / SEGMENTS  # half a step: symmetric about both axes
    rows = [np.array([[0.0, 0.0, 1.0]])]
    for degrees in RINGS:
        angle = np.radians(degrees)
        x, y = np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn)
        rows.append(np.stack([x, y, np.full(SEGMENTS, np.cos(angle))], axis=1))
    rows.append(np.array([[0.0, 0.0, -1.0]]))
    return np.concatenate(rows)


def sphere_faces() -> np.ndarray:
    """Triangles `[F, 3]` of the sphere, counter-clockwise seen from outside."""
    faces = []
    last = 1 + len(RINGS) * SEGMENTS
    for i in range(SEGMENTS):
        j = (i + 1) % SEGMENTS
        faces.append((0, 1 + i, 1 + j))
        for ring in range(len(RINGS) - 1):
            a, b = 1 + ring * SEGMENTS, 1 + (ring + 1) * SEGMENTS
            faces += [(a + i, b + i, b + j), (a + i, b + j, a + j)]
        back = 1 + (len(RINGS) - 1) * SEGMENTS
        faces.append((back + i, last, back + j))
    return np.array(faces)


def affine_operator(old: np.ndarray) -> np.ndarray:
    """Matrix `[N, 72]` that maps the 72 old vertices to the new sphere, exact for affine motions.

    Args:
        old: the 72 vertices of the base mesh, a sphere looking along +z.
    """
    centre = (old.min(axis=0) + old.max(axis=0)) / 2
    radius = np.linalg.norm(old - centre, axis=1).mean()
    known = np.concatenate([np.ones((len(old), 1)), (old - centre) / radius], axis=1)
    directions = sphere_directions()
    rays = np.concatenate([np.ones((len(directions), 1)), directions], axis=1)
    return rays @ np.linalg.pinv(known)
