"""Named vertex sets: FLAME's masks, and finer ones for painting."""

from __future__ import annotations

import numpy as np
from PIL import Image

from . import eyes
from .geometry import Cut
from .rings import openings, rings_around
from .source import BaseMesh, data_folder

LID_RINGS, INNER_LIP_RINGS = 4, 3
HAIRLINE, HAIRLINE_DROP = 0.070, 9.0  # metres above the eyes at the middle; how fast it falls towards the temples (1/m)
FOREHEAD_LOW = 0.027  # metres above the eyes
BROW_REACH = 0.0055  # half height of a brow


def _mask(cut: Cut, base: BaseMesh, name: str) -> np.ndarray:
    """One of the CC0 grey masks of mpfb2 on the head's vertices `[V]`, 0..1."""
    with Image.open(data_folder() / f"mpfb2/textures/mpfb_{name}.jpg") as picture:
        grey = np.asarray(picture.convert("L"), dtype=np.float64) / 255
    uv = np.zeros((len(base.vertices), 2))
    uv[base.quads] = base.uv[base.uv_quads]
    size = len(grey)
    column = np.clip((uv[:, 0] * size).astype(int), 0, size - 1)
    row = np.clip(((1 - uv[:, 1]) * size).astype(int), 0, size - 1)
    value = cut.operator @ grey[row, column]
    return (value + value[cut.mirror]) / 2


def ears_and_front(cut: Cut, base: BaseMesh) -> tuple[np.ndarray, np.ndarray]:
    """Skin of both ears, and of the front of the head without them (forehead to chin), boolean `[V]` each."""
    skin = np.zeros(len(cut.mirror), dtype=bool)
    skin[cut.vertices_of("skin")] = True
    ears = skin & (_mask(cut, base, "ears") > 0.3)
    return ears, skin & ~ears & (_mask(cut, base, "face") > 0.5)


def _distance_to_path(points: np.ndarray, path: np.ndarray) -> np.ndarray:
    a, b = path[:-1], path[1:]
    t = ((points[:, None] - a) * (b - a)).sum(axis=2) / ((b - a) ** 2).sum(axis=1)
    nearest = a + np.clip(t, 0, 1)[..., None] * (b - a)
    return np.linalg.norm(points[:, None] - nearest, axis=2).min(axis=1)


def region_masks(cut: Cut, base: BaseMesh, mean: np.ndarray, landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """All regions by name, boolean `[V]`.

    Args:
        mean: the symmetric mean head `[V, 3]`.
        landmarks: its 68 landmarks `[68, 3]`.
    """
    count = len(mean)

    def of(vertices: np.ndarray) -> np.ndarray:
        mask = np.zeros(count, dtype=bool)
        mask[vertices] = True
        return mask

    skin, loops = of(cut.vertices_of("skin")), openings(cut, mean)
    x, y, z = mean.T
    left = x > 1e-9
    parts = {name: of(cut.vertices_of(name)) for name in
             ("mouth_bag", "upper_teeth", "lower_teeth", "tongue", "left_eye", "right_eye", "left_socket",
              "right_socket")}
    eye_y = mean[cut.vertices_of("left_eye"), 1].mean()
    ears, front = ears_and_front(cut, base)
    hairline = eye_y + HAIRLINE - HAIRLINE_DROP * x**2
    face = front & (y < hairline)
    lips = skin & (_mask(cut, base, "lips") > 0.35)
    inner = of(np.concatenate(rings_around(cut, loops["mouth"], INNER_LIP_RINGS)))
    lids = {side: of(np.concatenate(rings_around(cut, loops[f"{side}_eye"], LID_RINGS))) for side in ("left", "right")}
    brows = of(np.flatnonzero(skin & (z > 0))[
        np.min([_distance_to_path(mean[skin & (z > 0)], landmarks[part]) for part in (slice(17, 22), slice(22, 27))],
               axis=0) < BROW_REACH])
    eye_centre = {"left": landmarks[42:48].mean(axis=0), "right": landmarks[36:42].mean(axis=0)}
    around = {side: face & (np.linalg.norm((mean - centre) / [0.026, 0.021, 0.035], axis=1) < 1)
              for side, centre in eye_centre.items()}
    nose_top, nose_low = landmarks[27, 1], landmarks[33, 1]
    down = (nose_top - y) / (nose_top - nose_low)
    nose = face & (down > 0) & (down < 1.08) & (np.abs(x) < 0.007 + 0.0115 * np.clip(down, 0, 1)) & (z > 0.02)
    neck = skin & ~face & ~ears & (y < landmarks[2, 1])
    scalp = skin & ~face & ~ears & ~neck
    directions = eyes.sphere_directions()
    iris_ring = np.degrees(np.arccos(directions[:, 2])) <= eyes.IRIS_EDGE + 0.1
    iris = of(np.concatenate([cut.vertices_of(f"{side}_eye")[iris_ring] for side in ("left", "right")]))
    balls = parts["left_eye"] | parts["right_eye"]
    masks = {
        "face": face, "neck": neck, "scalp": scalp, "boundary": of(loops["neck"]),
        "right_eyeball": parts["right_eye"], "left_eyeball": parts["left_eye"],
        "right_ear": ears & ~left, "left_ear": ears & left,
        "forehead": face & (y > eye_y + FOREHEAD_LOW), "eye_region": around["left"] | around["right"],
        "nose": nose, "lips": lips | inner & skin,
        "right_eye_region": around["right"], "left_eye_region": around["left"],
        "eyelids": lids["left"] | lids["right"], "sclera": balls & ~iris, "iris": iris,
        "mouth_interior": parts["mouth_bag"], "teeth": parts["upper_teeth"] | parts["lower_teeth"],
        "tongue": parts["tongue"], "brows": brows,
        "upper_teeth": parts["upper_teeth"], "lower_teeth": parts["lower_teeth"],
        "eye_sockets": parts["left_socket"] | parts["right_socket"],
    }
    return masks
