"""Named expression slots: ARKit's 52 shapes, then MakeHuman's 34 expression units; and how they occur together."""

import numpy as np

from clipface.head.expressions import ARKIT_NAMES, slots_of

from .geometry import Cut
from .identity import RACES
from .lips import part_lips
from .rings import arcs, openings, rings_around
from .source import data_folder, read_target

# Whole-face moods that random expressions mix in: slots without a side move left and right together.
MOODS = (
    {"mouthSmile": 0.8, "cheekSquint": 0.5, "eyeSquint": 0.3, "mouthDimple": 0.2},
    {"mouthSmile": 0.9, "jawOpen": 0.4, "cheekSquint": 0.6, "mouthUpperUp": 0.3, "mouthLowerDown": 0.3},
    {"mouthFrown": 0.7, "browInnerUp": 0.6, "mouthShrugLower": 0.3},
    {"browDown": 0.8, "eyeSquint": 0.4, "mouthPress": 0.5, "noseSneer": 0.3},
    {"browInnerUp": 0.7, "browOuterUp": 0.7, "eyeWide": 0.6, "jawOpen": 0.5},
    {"noseSneer": 0.8, "mouthUpperUp": 0.5, "browDown": 0.4, "eyeSquint": 0.3},
    {"mouthPucker": 0.7, "mouthFunnel": 0.3},
    {"jawOpen": 0.5, "mouthFunnel": 0.4},
)
LID_EDGE_RING = 2  # ring around the eye opening that is the lids' front edge
LID_OVERLAP = 0.0004  # metres by which closed lids overlap, so that no eye shows between them
ROLL = 0.8  # of mouthRollUpper: in full the lip would go round the edge of the upper teeth and through them
TONGUE_LIFT = np.array([0.0095, 0.003])  # metres up and ahead, of what comes out furthest
RIDGE = 1e-3  # variance added to every slot, so that the covariance can be inverted


def unit_names() -> tuple[str, ...]:
    """Names of MakeHuman's 34 expression units, alphabetical."""
    folder = data_folder() / "mpfb2/targets/expression/units" / RACES[0]
    return tuple(sorted(path.name.removesuffix(".target.gz") for path in folder.glob("*.target.gz")))


def _meet(offsets: np.ndarray, mean: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """A lid-closing shape in which the upper lid stops at the lower one: our mean eye is narrower than MakeHuman's.

    Args:
        offsets: the shape `[V, 3]`; upper, lower: the lids' front edges, both from small to large x.
    """
    before, after, floor = mean[upper], (mean + offsets)[upper], (mean + offsets)[lower]
    inside = slice(1, -1)
    wanted = before[inside, 1] - np.interp(after[inside, 0], floor[:, 0], floor[:, 1]) + LID_OVERLAP
    share = wanted / np.maximum(before[inside, 1] - after[inside, 1], 1e-4)
    share = np.convolve(np.pad(np.clip(share, 0.5, 1.1), 2, mode="edge"), [0.1, 0.2, 0.4, 0.2, 0.1], mode="valid")
    out = offsets.copy()
    falling = offsets[:, 1] < 0
    out[falling] *= np.interp(mean[falling, 0], before[inside, 0], share)[:, None]
    return out


def _lift_tongue(cut: Cut, out: np.ndarray) -> None:
    """Carry the tongue, which lies low in our mouth, over the teeth and the lower lip as far as it comes out."""
    tongue = cut.vertices_of("tongue")
    ahead = out[tongue, 2].clip(0) / out[tongue, 2].max()
    out[tongue, 1:] += ahead[:, None] * TONGUE_LIFT


def expression_basis(cut: Cut, mean: np.ndarray, count: int, scale: float) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the 86 slots and their offsets `[V, 3, 86]` in metres of the head."""
    folder = data_folder() / "faceunits01/targets/faceunits"
    shapes = [read_target(folder / f"{name}.target", count) for name in ARKIT_NAMES]
    units = data_folder() / "mpfb2/targets/expression/units"
    for name in unit_names():
        shapes.append(np.mean([read_target(units / race / f"{name}.target.gz", count) for race in RACES], axis=0))
    names = (*ARKIT_NAMES, *unit_names())
    offsets = {name: cut.offsets(shape) * scale for name, shape in zip(names, shapes, strict=True)}
    loops = openings(cut, mean)
    for side in ("left", "right"):
        rims = arcs(rings_around(cut, loops[f"{side}_eye"], LID_EDGE_RING)[LID_EDGE_RING], mean)
        for name in (f"eyeBlink{side.title()}", f"eye-{side}-closure"):
            offsets[name] = _meet(offsets[name], mean, *rims)
    offsets["mouthRollUpper"] *= ROLL
    _lift_tongue(cut, offsets["tongueOut"])
    part_lips(cut, mean, offsets)
    return names, np.stack(list(offsets.values()), axis=2)


def partner(name: str) -> str:
    """The slot of the other side of the face (the slot itself if it has no side)."""
    for left, right in (("Left", "Right"), ("-left-", "-right-")):
        if left in name:
            return name.replace(left, right)
        if right in name:
            return name.replace(right, left)
    return name


def random_expressions(names: tuple[str, ...], count: int, seed: int = 0) -> np.ndarray:
    """Plausible expressions `[count, 86]` in 0..1: left and right move together, opposites exclude each other."""
    random = np.random.default_rng(seed)
    at = {name: column for column, name in enumerate(names)}
    out = np.zeros((count, len(names)))
    for name, column in at.items():
        twin = at[partner(name)]
        if twin < column:
            continue
        active = random.random(count) < 0.12
        value = active * random.beta(1.2, 2.5, count)
        out[:, column] = out[:, twin] = value
        if twin != column:
            out[:, [column, twin]] *= 1 + random.normal(0, 0.12, (count, 2))
    mood = random.integers(0, 2 * len(MOODS), count)  # half of the faces have no mood
    strength = random.uniform(0.2, 1.1, count)
    for number, slots in enumerate(MOODS):
        for stem, value in slots.items():
            for name in slots_of(stem, at):
                out[:, at[name]] += (mood == number) * strength * value * random.uniform(0.7, 1.2, count)
    return np.clip(_exclude(out, at, random), 0, 1)


def _exclude(out: np.ndarray, at: dict[str, int], random: np.random.Generator) -> np.ndarray:
    """Gaze, jaw and mouth go one way at a time; lips close only over an open jaw."""
    count = len(out)
    for ahead, back in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):
        sideways = random.normal(0, 0.12, count)
        out[:, at[ahead]], out[:, at[back]] = np.maximum(sideways, 0), np.maximum(-sideways, 0)
    across, up = random.normal(0, 0.25, (2, count))
    for side, sign in (("Left", 1), ("Right", -1)):
        out[:, at[f"eyeLookOut{side}"]] = np.maximum(sign * across, 0)
        out[:, at[f"eyeLookIn{side}"]] = np.maximum(-sign * across, 0)
        out[:, at[f"eyeLookUp{side}"]], out[:, at[f"eyeLookDown{side}"]] = np.maximum(up, 0), np.maximum(-up, 0)
        for first, second in (("mouthSmile", "mouthFrown"), ("eyeBlink", "eyeWide")):
            first_column, second_column = at[first + side], at[second + side]
            out[:, second_column] *= out[:, first_column] < 0.1
    out[:, at["mouthClose"]] = out[:, at["jawOpen"]] * (random.random(count) < 0.3) * random.random(count)
    out[:, at["tongueOut"]] *= out[:, at["jawOpen"]] > 0.3
    return out


def expression_covariance(names: tuple[str, ...]) -> np.ndarray:
    """Second moment about the neutral face `[86, 86]` of plausible expressions, made invertible.

    About the neutral face, not about the mean: the prior that uses it is zero where all slots are zero.
    """
    samples = random_expressions(names, 20000)
    return samples.T @ samples / len(samples) + RIDGE * np.eye(len(names))
