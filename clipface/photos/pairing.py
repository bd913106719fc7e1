"""Photographs and files about them, brought together by name, never by order."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Pairing(NamedTuple):
    """`paths`: photograph to its file. `reasons`: photograph to why it has none. `unused`: files of no photograph."""

    paths: dict[str, Path]
    reasons: dict[str, str]
    unused: list[Path]


def pair(photographs: Sequence[str], folder: Path, suffixes: tuple[str, ...]) -> Pairing:
    """Find the file of each photograph.

    It has the same path below its folder but for the suffix, or else the same name, if no other photograph and no
    other file has that name.

    Args:
        photographs: paths below their folder, with /.
        folder: searched with all below it.
        suffixes: of the files looked for, lower case.

    Raises:
        FileNotFoundError: if there is no such folder, or no such file in it.
    """
    kinds = ", ".join(suffixes)
    if not folder.is_dir():
        raise FileNotFoundError(f"fits: {folder} is no folder; a folder of {kinds} files is wanted")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not files:
        raise FileNotFoundError(f"fits: {folder} holds no {kinds} files")
    by_place = _called(files, lambda path: path.relative_to(folder).with_suffix("").as_posix())
    by_name = _called(files, _stem)
    same_place = _called(photographs, lambda photograph: Path(photograph).with_suffix("").as_posix())
    same_name = _called(photographs, _stem)
    paths, reasons = {}, {}
    for photograph in photographs:
        place, stem = Path(photograph).with_suffix("").as_posix(), _stem(photograph)
        found, sharing = (
            (by_place[place], same_place[place]) if place in by_place else (by_name.get(stem, []), same_name[stem])
        )
        if len(found) == len(sharing) == 1:
            paths[photograph] = found[0]
        elif not found:
            reasons[photograph] = "no fit: there is no file of this name"
        else:
            reasons[photograph] = f"no fit: {len(sharing)} photographs and {len(found)} files are called {stem}"
    used = set(paths.values())
    return Pairing(paths, reasons, [path for path in files if path not in used])


def _stem(path: str | Path) -> str:
    return Path(path).stem


def _called(things: Iterable[Any], name: Callable[[Any], str]) -> dict[str, list[Any]]:
    """Things by their name."""
    table: dict[str, list[Any]] = defaultdict(list)
    for thing in things:
        table[name(thing)].append(thing)
    return dict(table)
