"""Work that many machines share: part 3 of 16, by the numbers that a cluster's job array counts.

What is whose follows from the list of photographs alone: no part waits for another, one that failed is started again,
and what they make together has the bits of what one machine makes.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from clipface.documents import check_fields, read_json
from clipface.files import write_atomic

MOST_PARTS = 10_000
HELP = "which part of the work, such as 3/16: a job array's task of 16 that write to one folder"
MARK = "part_{}_of_{}.json"  # says in a folder of textures that a part is done, and with which settings


class Part(NamedTuple):
    """One of `count` parts, `number` from 1."""

    number: int
    count: int

    def has(self, place: int) -> bool:
        """Whether something that is counted from 0 belongs to it: they are dealt out in turn."""
        return place % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def part(words: str) -> Part:
    """Read "3/16", for a command line.

    Raises:
        argparse.ArgumentTypeError: if it is no such part.
    """
    number, _, count = words.partition("/")
    if number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= MOST_PARTS:
        return Part(int(number), int(count))
    raise argparse.ArgumentTypeError(f"expected a part such as 3/16, from 1 to {MOST_PARTS}, got {words!r}")


def add_part(parser: argparse.ArgumentParser) -> None:
    """Add the part to a command."""
    parser.add_argument("--part", type=part, metavar="NUMBER/COUNT", help=HELP)


def digest(values: Any) -> str:
    """Checksum of plain values, by which parts know that they divide the same work."""
    return hashlib.sha256(json.dumps(values).encode("utf-8", "surrogateescape")).hexdigest()


def begin_part(folder: Path, own: Part, settings: dict[str, Any]) -> Path:
    """Refuse a folder of textures with parts of other work; take away the mark of this one.

    Returns:
        The mark's file, for `end_part`.

    Raises:
        ValueError: naming what is otherwise.
    """
    for path, other in _marks(folder):
        if other != {"parts": own.count, **settings}:
            names = [name for name in {**other, **settings} if other.get(name) != settings.get(name, own.count)]
            raise ValueError(
                f"part: expected the settings of {path}, got others ({', '.join(names)}); give another --out, or "
                "take the files of those parts away"
            )
    mark = folder / MARK.format(own.number, own.count)
    mark.unlink(missing_ok=True)
    return mark


def end_part(mark: Path, own: Part, settings: dict[str, Any]) -> None:
    """Note that a part is done."""
    write_atomic(mark, json.dumps({"parts": own.count, **settings}, indent=1))


def check_parts(folder: Path) -> None:
    """Refuse a folder that parts write to until all of them are done; one without parts passes.

    Raises:
        ValueError: naming the parts that are missing, or two that do not belong together.
    """
    marks = _marks(folder)
    if not marks:
        return
    first, wanted = marks[0]
    for path, found in marks[1:]:
        if found != wanted:
            raise ValueError(f"textures: expected parts of one work in {folder}, got {first.name} and {path.name}")
    names = {path.name for path, _ in marks}
    missing = [n for n in range(1, wanted["parts"] + 1) if MARK.format(n, wanted["parts"]) not in names]
    if missing:
        listed = ", ".join(f"{number}/{wanted['parts']}" for number in missing[:8])
        raise ValueError(
            f"textures: expected all {wanted['parts']} parts in {folder}, got {len(marks)}; run --part {listed} too"
        )


def _marks(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    found: list[tuple[Path, dict[str, Any]]] = []
    for path in sorted(folder.glob(MARK.format("*", "*"))):
        noted = read_json(path, "part", "take it away, and run the part again")
        check_fields(f"part {path}", noted, parts=int)
        if not 1 <= noted["parts"] <= MOST_PARTS:
            raise ValueError(f"part {path}: expected a number of parts up to {MOST_PARTS}, got {noted['parts']}")
        found.append((path, noted))
    return found


def shares(items: Sequence[Any], size: int, own: Part | None) -> list[Any]:
    """Items of the batches of `size` that belong to a part; None: all."""
    if own is None:
        return list(items)
    return [item for place, item in enumerate(items) if own.has(place // size)]
