"""Edge rings around the eye and mouth openings of the skin, as ordered closed loops."""

import numpy as np

from .chart import boundary_loops, edges_of, neighbours
from .geometry import PARTS, Cut


def openings(cut: Cut, mean: np.ndarray) -> dict[str, np.ndarray]:
    """Boundary loops of the skin by name: neck, mouth, left_eye, right_eye."""
    skin = cut.faces[cut.part == PARTS.index("skin")]
    neck, mouth, *eye_loops = boundary_loops(skin)
    left, right = sorted(eye_loops, key=lambda loop: -mean[loop, 0].mean())
    return {"neck": neck, "mouth": mouth, "left_eye": left, "right_eye": right}


def rings_around(cut: Cut, loop: np.ndarray, count: int) -> list[np.ndarray]:
    """The loop and the next `count` rings of skin vertices around it, each in the loop's order."""
    near = neighbours(edges_of(cut.faces[cut.part == PARTS.index("skin")]))
    phase = {vertex: np.exp(2j * np.pi * place / len(loop)) for place, vertex in enumerate(loop.tolist())}
    rings = [np.array(loop)]
    for _ in range(count):
        found = sorted({v for vertex in rings[-1].tolist() for v in near[vertex]} - set(phase))
        # A vertex stands where its neighbours of the last ring stand, on average.
        new = {v: np.mean([phase[u] for u in near[v] if u in phase]) for v in found}
        phase |= {v: value / abs(value) for v, value in new.items()}
        rings.append(np.array(sorted(found, key=lambda v: np.angle(phase[v]) % (2 * np.pi))))
    return rings


def arcs(ring: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower half of a ring, both from its smallest x to its largest x, ends included."""
    start = int(np.argmin(mean[ring, 0]))
    ring = np.roll(ring, -start)
    turn = int(np.argmax(mean[ring, 0]))
    one, other = ring[: turn + 1], np.concatenate([ring[turn:], ring[:1]])[::-1]
    upper_first = mean[one[1:-1], 1].mean() > mean[other[1:-1], 1].mean()
    return (one, other) if upper_first else (other, one)
