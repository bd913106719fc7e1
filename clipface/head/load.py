"""Heads by name, from their files."""

from pathlib import Path

from clipface import assets
from clipface.head.data import HeadData
from clipface.head.flame_file import read_flame
from clipface.head.model import HeadModel
from clipface.head.open_head import read_open_head

_SIDE_FILES = ("template", "landmarks", "masks")


def load_head(name: str = "open", path: str | Path | None = None) -> HeadModel:
    """Load a head by name.

    Args:
        name: "open", the head that comes with the project, or "flame", the licensed one.
        path: its file, if not where `clipface.assets` looks. FLAME's other files are read if they lie beside it.

    Raises:
        FileNotFoundError: if the file is missing; says how to get it.
        ValueError: for another name, or a damaged file.
    """
    if name == "open":
        file = Path(path or assets.resolve("open_head"))
        return _read(file, read_open_head(file))
    if name != "flame":
        raise ValueError(f"name: expected 'open' or 'flame', got {name!r}")
    file = Path(path or assets.resolve("flame"))
    beside = {side: file.with_name(Path(assets.ASSETS[f"flame_{side}"].file).name) for side in _SIDE_FILES}
    found = {side: place for side, place in beside.items() if place.is_file()}
    if path is None and "template" not in found:
        # Without texture coordinates nothing can be rendered; the error says how to get them.
        found["template"] = assets.resolve("flame_template")
    return _read(file, read_flame(file, **found))


def _read(file: Path, data: HeadData) -> HeadModel:
    head = HeadModel(data)
    head.file = file
    return head
