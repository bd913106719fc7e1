"""What a run notes beside its mapper: what it was trained for and with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clipface import weights
from clipface.documents import check_fields, made
from clipface.edit.attributes import is_look
from clipface.edit.paint import is_paint
from clipface.edit.sliders import is_slider
from clipface.edit.text_edits import is_text
from clipface.settings import HEADS, HeadConfig

MAPPER_FILE = "mapper.safetensors"
REMEDY = "train it again"
FIELDS = {
    "prompt": dict | None, "psi": float | None, "head": dict | None, "generator": str | None, "guidance": dict | None,
    "sequence": str | None, "rate": float | None, "training": dict | None,
}  # fmt: skip
OF_PROMPT = {
    "target": str, "name": str | None, "source": str | None, "negative": str | None, "templates": list[str] | None,
}  # fmt: skip
OF_GUIDANCE = {"model": str, "also": list[str] | None}


def mapper_file(path: str | Path) -> Path:
    """A mapper's file: of a run's folder the one in it, else the path itself.

    Raises:
        FileNotFoundError: if a folder holds none.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    file = path / MAPPER_FILE
    if not file.exists():
        others = sorted(other.name for other in path.glob("[!.]*.pt"))
        remedy = f"give one of its files, such as {path / others[0]}" if others else "give that of a finished run"
        raise FileNotFoundError(f"mapper: expected a run's folder, with {MAPPER_FILE}, got {path}; {remedy}")
    return file


def mapper_notes(path: str | Path) -> dict[str, Any]:
    """What a run noted next to its mapper; nothing for a file of the authors, a look, a slider, paint or words.

    Raises:
        FileNotFoundError: if there is no such file or folder, or no notes where they belong.
        ValueError: if they are damaged, or not what a run notes.
    """
    file = mapper_file(path)
    named = is_look(path) or is_slider(path) or is_paint(path) or is_text(path)
    if named:
        return {}
    if file.suffix != ".safetensors":
        if not file.is_file():
            raise FileNotFoundError(f"mapper: {file} does not exist; give a run's folder, or a mapper's file")
        return {}
    notes, what = weights.load_config(file), f"mapper {file}"
    check_fields(what, notes, REMEDY, **FIELDS)
    for name, fields in (("prompt", OF_PROMPT), ("guidance", OF_GUIDANCE)):
        if notes.get(name) is not None:
            check_fields(f"{what}: {name}", notes[name], REMEDY, **fields)
    head = made(HeadConfig, notes.get("head") or {}, f"{what}: head")
    if head.name not in HEADS:
        raise ValueError(f"{what}: head.name: expected {' or '.join(HEADS)}, got {head.name!r}; {REMEDY}")
    return notes


def check_alike(noted: Sequence[tuple[str | Path, dict]], keys: Sequence[str]) -> None:
    """Refuse mappers whose runs differ in any of `keys`: head, generator or psi."""
    for file, notes in noted[1:]:
        for key in keys:
            if notes.get(key) != noted[0][1].get(key):
                raise ValueError(
                    f"mapper: expected all of one {key}, got {notes.get(key)} of {file} and {noted[0][1].get(key)} of "
                    f"{noted[0][0]}; take mappers of one {key}, or choose by --{key} where the command has it"
                )
