"""The mean of many faces as MediaPipe sees them in space, symmetric, in a head's frame."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from clipface.fit.warp_points import INNER

# iBUG's inner 51 landmarks in MediaPipe's numbers, and the face's outline from the person's right ear to the left one.
IBUG_INNER = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178,
)  # fmt: skip
OUTLINE = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454,
           356)  # fmt: skip
ROUNDS = 5
# On the middle line from brow to chin, and eye corners: they say where up and right are.
MIDDLE, FOREHEAD, CHIN, OUTER_EYES = (10, 168, 4, 164, 152), 10, 152, (33, 263)


def average_face(faces: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average faces.

    Args:
        faces: [B, 478, 3] in crop pixels, y down, smaller z nearer.
        landmarks: [68, 3] of the head, metres, which give frame and size.

    Returns:
        The average [478, 3], metres, equal to its mirror image; and each point's mirror image [478].
    """
    faces = faces.astype(np.float64) * [1, -1, -1]
    mean = faces[0]
    for _ in range(ROUNDS):
        mean = np.mean([moved(face, face, mean) for face in faces], 0)
    mean = _upright(mean)
    cost = np.square((mean * [-1, 1, 1])[:, None] - mean[None]).sum(-1)
    mirror = linear_sum_assignment(cost)[1]
    assert (mirror[mirror] == np.arange(len(mirror))).all(), "the average face is too lopsided to be mirrored"
    mean = (mean + (mean * [-1, 1, 1])[mirror]) / 2
    mean = moved(mean, mean[list(IBUG_INNER)], landmarks[-INNER:])
    return (mean + (mean * [-1, 1, 1])[mirror]) / 2, mirror


def moved(points: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points [N, 3] under the turn, scale and shift that brings `source` closest to `target` (Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, s, v = np.linalg.svd(a.T @ b)
    signs = np.array([1, 1, np.sign(np.linalg.det(u @ v))])
    scale = (s * signs).sum() / np.square(a).sum()
    return (points - source.mean(0)) @ (u * signs) @ v * scale + target.mean(0)


def _upright(face: np.ndarray) -> np.ndarray:
    face = face - face[list(MIDDLE)].mean(0)
    across = face[OUTER_EYES[1]] - face[OUTER_EYES[0]]
    across /= np.linalg.norm(across)
    up = face[FOREHEAD] - face[CHIN]
    up -= across * (up @ across)
    up /= np.linalg.norm(up)
    return face @ np.stack([across, up, np.cross(across, up)], 1)
