"""The open head on another mesh with another UV map, in FLAME's files, and the map between both; small."""

import functools
import tempfile
from pathlib import Path

from clipface import assets
from clipface.fit.transfer import make_map, save_map
from clipface.head import load_head, read_open_head
from clipface.texture.carry import MAP_FILE
from scripts.recipes.open_head_build.remesh import person, remeshed
from scripts.recipes.originals_build.remeshed import write_head

VERTICES, MAP_SIZE = 1300, 128


@functools.lru_cache
def other_head_folder() -> Path:
    """A data folder with `flame/` in it; the same one for all tests of a process. Do not write into it."""
    folder = Path(tempfile.mkdtemp(prefix="other_head_"))
    write_head(folder / "flame", remeshed(read_open_head(assets.resolve("open_head")), VERTICES))
    head = load_head("flame", folder / "flame" / "generic_model.pkl")
    save_map(make_map(load_head("open"), head, size=MAP_SIZE), folder / "flame" / MAP_FILE)
    return folder


def true_places():
    """Where the open head's vertices [V, 3] truly lie on it, metres."""
    return person(read_open_head(assets.resolve("open_head")), 0, 1.0)
