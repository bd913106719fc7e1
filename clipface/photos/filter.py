"""Which photographs are good enough to train on, and why the others are not."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates, maximum_filter1d

from clipface.photos.attributes import AttributeRule

# Among MediaPipe's points: outer corners of the eyes, top of the forehead, chin.
OUTER_RIGHT, OUTER_LEFT, FOREHEAD, CHIN = 33, 263, 10, 152
# Degrees by which the line from chin to forehead leans on a face held straight: median of 160 frontal photographs.
NEUTRAL_LEAN = -2.8
SHARPNESS_SIDE = 256  # pixels that a crop is measured at
FINE, COARSE = 0.7, (2.8, 5.6)  # standard deviations in those pixels: finer than this, against between these
# Spectacles are lines around the lower half of both eyes and across the bridge of the nose. Among MediaPipe's points:
# corners and lids of the eyes, top of the nose's bridge.
RIGHT, LEFT, BRIDGE = (33, 133, 159, 145), (263, 362, 386, 374), 168
SMOOTH = 1.2  # pixels of a 512-pixel crop, against its noise
THIN, THICK = 1.0, 5.0  # samples: a line is thinner than the second
DARKEST = 16.0  # added before the logarithm, so that noise in shadows is no line
STRONGEST = 0.25  # of a line at one place; a highlight must not count as a rim
ANGLES = np.radians(np.arange(15, 166, 5))  # around the eye, below it
RADII = np.linspace(0.25, 0.8, 111)  # distances between the eyes' centres
REACH = 2  # samples that a line may wander from one angle to the next
BRIDGE_HALF = (0.10, 0.28)  # half width and height of the patch on the nose, eye distances
BRIDGE_DROP = 0.05


@dataclass
class FilterRule:
    """What a photograph must have. A limit of zero (or, for the angles, 180) switches a test off.

    Defaults: of the 336 photographs in `docs/photos.md`, all of people without glasses, 1 % are dropped.
    """

    least_face: float = 100.0  # pixels in the photograph, the longer side of the face's box
    most_yaw: float = 45.0  # degrees
    most_pitch: float = 30.0  # degrees
    most_roll: float = 60.0  # degrees; crops are turned upright, but the detector knows upright faces best
    # Detail finer than 1.4 pixels of the crop over detail of about 8: sharp ones have 0.21 to 1.2; out of focus by 3
    # pixels of the crop 0.08 to 0.18, by 4 pixels less than 0.12.
    least_sharpness: float = 0.15
    # Another face at least this large, as a share of the first one's side, makes it an image of several people.
    second_face: float = 0.5
    # Both must be found (see `eyewear_lines`): both people with glasses are, and 0.6 of glasses drawn onto photographs.
    eyewear_rim: float = 0.125
    eyewear_bridge: float = 0.03
    needs_attributes: bool = False  # whether attribute files must be given
    attributes: AttributeRule = field(default_factory=AttributeRule)  # used where they are


# Nothing but what makes a fit impossible: for who asks for a photograph as it is.
ANY_FACE = FilterRule(
    least_face=0, most_yaw=180, most_pitch=180, most_roll=180, least_sharpness=0, second_face=0, eyewear_rim=0
)


def head_turn(points: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, zero on a face that looks straight into an upright camera.

    Args:
        points: [478, 3] of MediaPipe, x right, y down, z nearer is smaller, one unit for all.

    Returns:
        Yaw > 0 towards the image's right, pitch > 0 upwards, roll > 0 clockwise in the image.
    """
    across = points[OUTER_LEFT].astype(np.float64) - points[OUTER_RIGHT]
    up = points[FOREHEAD].astype(np.float64) - points[CHIN]
    yaw = np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1])))
    pitch = np.degrees(np.arctan2(up[2], np.hypot(up[0], up[1]))) - NEUTRAL_LEAN
    return float(yaw), float(pitch), float(np.degrees(np.arctan2(across[1], across[0])))


def face_size(points: np.ndarray) -> float:
    """The longer side of the box around a face's landmarks [478, 2 or 3]."""
    return float(np.ptp(points[:, :2], axis=0).max())


def sharpness(crop: np.ndarray, points: np.ndarray) -> float:
    """How much fine detail the face has for its coarse detail; does not depend on contrast or brightness.

    Args:
        crop: [S, S, 3] uint8.
        points: [478, 3] in the crop's pixels.
    """
    grey = Image.fromarray(crop).convert("L").resize((SHARPNESS_SIDE, SHARPNESS_SIDE), Image.Resampling.BOX)
    inside = points[:, :2] * (SHARPNESS_SIDE / len(crop))
    left, top = inside.min(0).astype(int).clip(0, SHARPNESS_SIDE - 2)
    right, bottom = np.ceil(inside.max(0)).astype(int).clip(2, SHARPNESS_SIDE)
    face = np.asarray(grey, np.float32)[top:bottom, left:right]
    fine = face - gaussian_filter(face, FINE)
    coarse = gaussian_filter(face, COARSE[0]) - gaussian_filter(face, COARSE[1])
    return float(fine.std() / max(float(coarse.std()), 1e-3))


def reason_in_photograph(faces: list[np.ndarray], rule: FilterRule) -> str | None:
    """Why a photograph is to be dropped for the faces found in it.

    Args:
        faces: landmarks [478, 3] in pixels of the upright file, the largest first.
        rule: the limits.

    Returns:
        The reason to drop it, its kind before the colon, or None.
    """
    if not faces:
        return "no face: none was found"
    size = face_size(faces[0])
    if size < rule.least_face:
        return f"too small: the face has {size:.0f} pixels"
    others = [face_size(face) for face in faces[1:]]
    if rule.second_face and others and max(others) > rule.second_face * size:
        return f"several faces: {len(faces)}, the second {max(others) / size:.0%} as large"
    turns = zip(head_turn(faces[0]), (rule.most_yaw, rule.most_pitch, rule.most_roll), strict=True)
    for name, (turn, most) in zip(("yaw", "pitch", "roll"), turns, strict=True):
        if abs(turn) > most:
            return f"too turned: {name} of {turn:.0f} degrees"
    return None


def reason_in_crop(crop: np.ndarray, points: np.ndarray, rule: FilterRule) -> str | None:
    """Why a face that was cut out is to be dropped.

    Headwear is not looked for: a cap or a scarf cannot be told from hair by such means; attribute files list it.

    Args:
        crop: [S, S, 3] uint8.
        points: [478, 3] in the crop's pixels.
        rule: the limits.

    Returns:
        The reason to drop it, its kind before the colon, or None.
    """
    sharp = sharpness(crop, points)
    if sharp < rule.least_sharpness:
        return f"blurred: sharpness {sharp:.2f}"
    if rule.eyewear_rim:
        rim, bridge = eyewear_lines(crop, points)
        if rim > rule.eyewear_rim and bridge > rule.eyewear_bridge:
            return f"eyewear: rims {rim:.2f}, bridge {bridge:.2f}"
    return None


def eyewear_lines(crop: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """Strength of the lines that spectacles make.

    Args:
        crop: [S, S, 3] uint8.
        points: [478, 3] in the crop's pixels.

    Returns:
        For the rims the weaker eye's strongest unbroken line, dark or bright, and the same across the nose; mean
        logarithm of its contrast. Wrinkles and shadows break off, so bare faces have rims below 0.11 in 99 of 100.
        Rimless and very thin bright frames, and thin dark ones on dark skin, are missed.
    """
    grey = np.asarray(Image.fromarray(crop).convert("L"), np.float32)
    light = np.log(gaussian_filter(grey, SMOOTH * len(crop) / 512) + DARKEST)
    places = points[:, :2].astype(np.float64)
    eyes = [places[list(eye)].mean(0) for eye in (RIGHT, LEFT)]
    across = eyes[1] - eyes[0]
    down = np.array([-across[1], across[0]])
    below = np.cos(ANGLES)[:, None] * across + np.sin(ANGLES)[:, None] * down
    rims = [_at(light, eye + RADII[:, None, None] * below) for eye in eyes]  # [radii, angles]
    rim = max(min(_line(sign * _thin(ring).clip(-STRONGEST, STRONGEST), REACH) for ring in rims) for sign in (1, -1))
    x, y = np.linspace(-1, 1, 15) * BRIDGE_HALF[0], np.linspace(-1, 1, 81) * BRIDGE_HALF[1]
    bridge = places[BRIDGE] + BRIDGE_DROP * down + x[None, :, None] * across + y[:, None, None] * down
    nose = _thin(_at(light, bridge))
    return rim, max(_line(sign * nose, 1) for sign in (1, -1))


def _at(light: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Brightness at places [..., 2]."""
    # Places count from the image's corner, samples from the first pixel's centre.
    return map_coordinates(light, [places[..., 1] - 0.5, places[..., 0] - 0.5], order=1, mode="nearest")


def _thin(values: np.ndarray) -> np.ndarray:
    """What is thin along the first axis: bright lines positive, dark ones negative."""
    return gaussian_filter1d(values, THIN, axis=0) - gaussian_filter1d(values, THICK, axis=0)


def _line(values: np.ndarray, reach: int) -> float:
    """Mean along the best unbroken line through all columns."""
    best = values[:, 0]
    for column in range(1, values.shape[1]):
        best = maximum_filter1d(best, 2 * reach + 1) + values[:, column]
    return float(best.max() / values.shape[1])
