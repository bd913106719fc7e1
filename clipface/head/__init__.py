"""Head parameters to vertices, for the open head and for FLAME."""

from pathlib import Path

from clipface import assets
from clipface.head.data import HeadData
from clipface.head.model import HeadModel
from clipface.head.open_head import read_open_head

__all__ = ["HeadData", "HeadModel", "load_head", "read_open_head"]


def load_head(name: str = "open", path: str | Path | None = None) -> HeadModel:
    """Load a head by name.

    Args:
        name: "open", the head that comes with the project, or "flame", the licensed one.
        path: its file, if not where `clipface.assets` looks.

    Raises:
        FileNotFoundError: if the file is missing; says how to get it.
        ValueError: for another name, or a damaged file.
    """
    if name == "open":
        return HeadModel(read_open_head(path or assets.resolve("open_head")))
    raise ValueError(f"name: 'open' or 'flame' is wanted, {name!r} was given")
