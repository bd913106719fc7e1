"""Random people from MakeHuman's targets, and their principal components as the identity basis."""

from dataclasses import dataclass

import numpy as np

from .geometry import Cut
from .source import BaseMesh, data_folder, read_target

SAMPLES, COMPONENTS, SEED = 3000, 300, 0
LOCAL_SIGMA, ASYMMETRY_SIGMA = 0.16, 0.04
UNSIDED_IN_OUT = 0.15  # `-in/-out` of unsided targets moves the whole part sideways: nearly off
FOLDERS = ("eyebrows", "eyes", "nose", "mouth", "cheek", "chin", "ears", "forehead", "head", "neck", "asym")
SKIPPED = ("head-trans", "measure-neck", "asymm-", "neck-trans")
OPPOSITES = (
    ("decr", "incr"),
    ("down", "up"),
    ("in", "out"),
    ("backward", "forward"),
    ("concave", "convex"),
    ("compress", "uncompress"),
    ("pointed", "triangle"),
    ("square", "round"),
)
GENDERS, RACES = ("female", "male"), ("african", "asian", "caucasian")
AGES, AGE_AT = ("child", "young", "old"), (0.1875, 0.5, 1.0)
BUILDS = {"muscle": ("minmuscle", "averagemuscle", "maxmuscle"), "weight": ("minweight", "averageweight", "maxweight")}


def _hat(value: np.ndarray, anchors: tuple[float, ...]) -> np.ndarray:
    """Weights `[N, len(anchors)]` of linear interpolation between anchors."""
    return np.stack([np.interp(value, anchors, row) for row in np.eye(len(anchors))], axis=1)


def macro_targets(count: int) -> tuple[list[tuple[str, ...]], list[np.ndarray]]:
    """Names `(kind, gender, age, ...)` and offsets of the universal and the race targets."""
    folder = data_folder() / "mpfb2/targets/macrodetails"
    names: list[tuple[str, ...]] = []
    for gender in GENDERS:
        for age in AGES:
            names += [("universal", gender, age, m, w) for m in BUILDS["muscle"] for w in BUILDS["weight"]]
            names += [(race, gender, age) for race in RACES]
    return names, [read_target(folder / ("-".join(name) + ".target.gz"), count) for name in names]


def macro_weights(names: list[tuple[str, ...]], people: dict[str, np.ndarray]) -> np.ndarray:
    """How much of every macro target each person gets `[N, targets]`.

    Args:
        people: gender, age, muscle, weight `[N]` in 0..1 and race `[N, 3]` summing to one.
    """
    share = dict(zip(GENDERS, _hat(people["gender"], (0.0, 1.0)).T, strict=True))
    share |= dict(zip(AGES, _hat(people["age"], AGE_AT).T, strict=True))
    share |= dict(zip(RACES, people["race"].T, strict=True))
    for kind, levels in BUILDS.items():
        share |= dict(zip(levels, _hat(people[kind], (0.0, 0.5, 1.0)).T, strict=True))
    return np.stack([np.prod([share[word] for word in name if word != "universal"], axis=0) for name in names], axis=1)


def young_average(base: BaseMesh, names: list[tuple[str, ...]], targets: list[np.ndarray]) -> np.ndarray:
    """The symmetric average young adult's body `[19158, 3]`."""
    half = np.array([0.5])
    person = {"gender": half, "age": half, "muscle": half, "weight": half, "race": np.full((1, 3), 1 / 3)}
    weights = macro_weights(names, person)[0]
    body = base.vertices + sum(w * target for w, target in zip(weights, targets, strict=True) if w > 0)
    return (body + body[base.mirror] * [-1, 1, 1]) / 2


@dataclass
class LocalTarget:
    """One knob: offsets for its negative and positive side (None if there is no such side)."""

    name: str
    negative: np.ndarray | None
    positive: np.ndarray


def local_targets(count: int) -> list[LocalTarget]:
    """All opposed or unopposed local targets of the head, in alphabetical order."""
    files = {}
    for folder in FOLDERS:
        for path in sorted((data_folder() / "mpfb2/targets" / folder).glob("*.target.gz")):
            name = path.name.removesuffix(".target.gz")
            if not name.startswith(SKIPPED):
                files[name] = path
    out, done = [], set()
    for name in sorted(files):
        if name in done:
            continue
        stem, _, end = name.rpartition("-")
        negative = next((low for low, high in OPPOSITES if end == high and f"{stem}-{low}" in files), None)
        if negative is None and any(end == low and f"{stem}-{high}" in files for low, high in OPPOSITES):
            continue  # reached through its opposite
        down = read_target(files[f"{stem}-{negative}"], count) if negative else None
        out.append(LocalTarget(name, down, read_target(files[name], count)))
        done.add(name)
    return out


def _coefficients(targets: list[LocalTarget], people: int, random: np.random.Generator) -> np.ndarray:
    """Random strengths `[people, targets]`; left and right knobs mostly move together."""
    values = np.zeros((people, len(targets)))
    shared: dict[str, np.ndarray] = {}
    for column, target in enumerate(targets):
        side = target.name[:2] in ("l-", "r-")
        key = target.name[2:] if side else target.name
        if key not in shared:
            shared[key] = random.normal(0, LOCAL_SIGMA, people)
        draw = shared[key]
        if side:
            draw = draw + random.normal(0, ASYMMETRY_SIGMA, people)
        if target.name.startswith("asym"):
            draw = random.normal(0, ASYMMETRY_SIGMA, people) * 2
        if not side and target.name.endswith(("-in", "-out")):
            draw = draw * UNSIDED_IN_OUT
        if target.negative is None and (target.name.startswith("head-") or target.name.startswith("asym")):
            draw = np.abs(draw)
        values[:, column] = draw
    return values


def _random_people(count: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Adults of all ages, both sexes mostly apart, all mixtures of the three races."""
    return {
        "gender": np.clip(random.choice([0.15, 0.85], count) + random.normal(0, 0.15, count), 0, 1),
        "age": 0.42 + 0.5 * random.beta(1.2, 2.0, count),
        "muscle": np.clip(random.normal(0.5, 0.2, count), 0, 1),
        "weight": np.clip(random.normal(0.5, 0.2, count), 0, 1),
        "race": random.dirichlet(np.full(3, 0.6), count),
    }


def identity_basis(base: BaseMesh, cut: Cut, macros: tuple[list, list], scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean head `[V, 3]` and identity directions `[V, 3, 300]` whose coefficients are N(0, 1); metres.

    Args:
        macros: names and body offsets of the macro targets, from `macro_targets`.
        scale: body metres to head metres.
    """
    random = np.random.default_rng(SEED)
    locals_ = local_targets(len(base.vertices))
    rows = [cut.offsets(target) for target in macros[1]]
    weights = [macro_weights(macros[0], _random_people(SAMPLES, random))]
    values = _coefficients(locals_, SAMPLES, random)
    for column, target in enumerate(locals_):
        value = values[:, column : column + 1]
        if target.negative is None:
            rows.append(cut.offsets(target.positive))
            weights.append(value)
        else:
            rows += [cut.offsets(target.positive), cut.offsets(target.negative)]
            weights += [np.maximum(value, 0), np.maximum(-value, 0)]
    stacked, weight = np.stack(rows), np.concatenate(weights, axis=1)
    skin = cut.vertices_of("skin")
    stacked = (stacked - stacked[:, skin].mean(axis=1, keepdims=True)).reshape(len(rows), -1) * scale
    neutral = cut.positions(base.vertices)
    neutral = (neutral - neutral[skin].mean(axis=0)) * scale
    mean_weight = weight.mean(axis=0)
    mean = neutral + (mean_weight @ stacked).reshape(-1, 3)
    return mean, _components(stacked, weight - mean_weight).reshape(*mean.shape, COMPONENTS)


def _components(stacked: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Principal directions `[3V, 300]` of `weight @ stacked`, through the small Gram matrix of the targets."""
    second = weight.T @ weight / len(weight)
    root_values, root_vectors = np.linalg.eigh(second)
    root = root_vectors * np.sqrt(np.clip(root_values, 0, None))
    values, vectors = np.linalg.eigh(root.T @ (stacked @ stacked.T) @ root)
    keep = np.argsort(values)[::-1][:COMPONENTS]
    directions = stacked.T @ (root @ vectors[:, keep])
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return directions * np.where(largest < 0, -1.0, 1.0)
