"""Named vertex sets: FLAME's masks, and finer ones for painting."""

import numpy as np
from PIL import Image

from . import eyes
from .geometry import Cut
from .rings import openings, rings_around
from .source import BaseMesh, data_folder

LID_RINGS, INNER_LIP_RINGS = 4, 3
HAIRLINE, HAIRLINE_DROP = 0.070, 9.0  # metres above the eyes at the middle; how fast it falls towards the temples (1/m)
FOREHEAD_LOW = 0.027  # metres above the eyes
EYE_REGION_RADII = np.array([0.026, 0.021, 0.035])  # metres
BROW_REACH = 0.0055  # half height of a brow


def _mask(cut: Cut, base: BaseMesh, name: str) -> np.ndarray:
    """One of the CC0 grey masks of mpfb2 on the head's vertices `[V]`, 0..1."""
    with Image.open(data_folder() / f"mpfb2/textures/mpfb_{name}.jpg") as image:
        grey = np.asarray(image.convert("L"), dtype=np.float64) / 255
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
    skin = _only(cut.vertices_of("skin"), len(mean))
    ears, front = ears_and_front(cut, base)
    x, y, _ = mean.T
    eye_y = mean[cut.vertices_of("left_eye"), 1].mean()
    face = front & (y < eye_y + HAIRLINE - HAIRLINE_DROP * x**2)
    neck = skin & ~face & ~ears & (y < landmarks[2, 1])
    return {
        "face": face, "neck": neck, "scalp": skin & ~face & ~ears & ~neck,
        "boundary": _only(openings(cut, mean)["neck"], len(mean)),
        "right_ear": ears & (x < 0), "left_ear": ears & (x > 0), "forehead": face & (y > eye_y + FOREHEAD_LOW),
        **_features(cut, base, mean, landmarks, face), **_inner_parts(cut),
    }  # fmt: skip


def _only(vertices: np.ndarray, count: int) -> np.ndarray:
    mask = np.zeros(count, dtype=bool)
    mask[vertices] = True
    return mask


def _features(
    cut: Cut, base: BaseMesh, mean: np.ndarray, landmarks: np.ndarray, face: np.ndarray
) -> dict[str, np.ndarray]:
    """Parts of the face: eyes' surroundings, nose, lips, lids and brows."""
    loops = openings(cut, mean)

    def rings(name: str, count: int) -> np.ndarray:
        return _only(np.concatenate(rings_around(cut, loops[name], count)), len(mean))

    around = {}
    for side, points in (("left", slice(42, 48)), ("right", slice(36, 42))):
        away = (mean - landmarks[points].mean(axis=0)) / EYE_REGION_RADII
        around[side] = face & (np.linalg.norm(away, axis=1) < 1)
    x, y, z = mean.T
    down = (landmarks[27, 1] - y) / (landmarks[27, 1] - landmarks[33, 1])  # 0 at the nasion, 1 at the nose's base
    narrow = np.abs(x) < 0.007 + 0.0115 * np.clip(down, 0, 1)
    paths = [landmarks[17:22], landmarks[22:27]]
    to_brow = np.min([_distance_to_path(mean, path) for path in paths], axis=0)
    return {
        "eye_region": around["left"] | around["right"],
        "right_eye_region": around["right"], "left_eye_region": around["left"],
        "nose": face & (down > 0) & (down < 1.08) & narrow & (z > 0.02),
        "lips": (_mask(cut, base, "lips") > 0.35) & ~_only(cut.vertices_of("mouth_bag"), len(mean))
        | rings("mouth", INNER_LIP_RINGS),
        "eyelids": rings("left_eye", LID_RINGS) | rings("right_eye", LID_RINGS),
        "brows": face & (to_brow < BROW_REACH),
    }  # fmt: skip


def _inner_parts(cut: Cut) -> dict[str, np.ndarray]:
    """Eyeballs and their iris, mouth, teeth, tongue and sockets."""
    count = len(cut.mirror)

    def part(*names: str) -> np.ndarray:
        return _only(cut.vertices_of(*names), count)

    near = np.degrees(np.arccos(eyes.sphere_directions()[:, 2])) <= eyes.IRIS_EDGE + 0.1
    iris = _only(np.concatenate([cut.vertices_of(ball)[near] for ball in ("left_eye", "right_eye")]), count)
    return {
        "right_eyeball": part("right_eye"), "left_eyeball": part("left_eye"), "iris": iris,
        "sclera": part("left_eye", "right_eye") & ~iris, "eye_sockets": part("left_socket", "right_socket"),
        "mouth_interior": part("mouth_bag"), "tongue": part("tongue"), "teeth": part("upper_teeth", "lower_teeth"),
        "upper_teeth": part("upper_teeth"), "lower_teeth": part("lower_teeth"),
    }  # fmt: skip
