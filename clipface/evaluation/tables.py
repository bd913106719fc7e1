"""Numbers as tables: for the console, Markdown, CSV and JSON."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

NOTHING = "-"  # where a number was not measured


class Table(NamedTuple):
    """Words in rows; the first column names the row."""

    title: str
    header: list[str]
    rows: list[list[str]]

    def text(self) -> str:
        """For the console."""
        columns = [[one, *column] for one, column in zip(self.header, zip(*self.rows, strict=True), strict=True)]
        widths = [max(map(len, column)) + 2 for column in columns]
        lines = [self.title]
        for row in (self.header, *self.rows):
            cells = zip(row[1:], widths[1:], strict=True)
            lines.append(row[0].ljust(widths[0]) + "".join(cell.rjust(width) for cell, width in cells))
        return "\n".join(lines)

    def markdown(self) -> str:
        """For a document."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join([f"{self.title}:", "", *("| " + " | ".join(line) + " |" for line in lines)])


class Column(NamedTuple):
    """A number of every edit: its heading and how it is written."""

    key: str
    heading: str
    form: str = ".3f"


WORDS = (
    Column("before", "before"),
    Column("score", "after"),
    Column("deviation", "±"),
    Column("directional", "direction"),
    Column("own prompt nearest", "own nearest", ".0%"),
    Column("own change nearest", "by change", ".0%"),
    Column("fid", "FID", ".1f"),
    Column("kid", "KID", ".4f"),
    Column("identity distance", "identity distance"),
    Column("identity others", "of others"),
    Column("identity cosine", "cosine"),
    Column("identity recognised", "recognised", ".0%"),
    Column("seconds a prompt", "s a prompt", ".1f"),
    Column("seconds a face", "s a face"),
)
TRAITS = (
    Column("expression before", "before", ".2f"),
    Column("expression after", "after", ".2f"),
    Column("expression wins", "likeliest", ".0%"),
    Column("years", "years", "+.1f"),
    Column("man", "man", "+.2f"),
    Column("identity kept", "same person", ".0%"),
)
SIGNS = ("corners up", "corners out", "brows down", "brows up", "jaw open")


def score_table(names: Sequence[str], rows: Sequence[Mapping[str, float | None]]) -> Table:
    """CLIP scores, distances, identity and time, a row for each edit; with several encoders, each one's score too."""
    single = [key for key in rows[0] if key.startswith("score ")]
    more = tuple(Column(key, key.removeprefix("score ")) for key in single) if len(single) > 1 else ()
    title = "CLIP score before and after (± over images), direction, distances to the originals, identity kept, time"
    return _table(title, names, rows, [*WORDS[:3], *more, *WORDS[3:]])


def geometry_table(names: Sequence[str], rows: Sequence[Mapping[str, float | None]]) -> Table:
    """Mean movement of regions, and what landmarks did."""
    moved = [key for key in rows[0] if key.startswith("mm ") and key.removeprefix("mm ") not in SIGNS]
    columns = [Column(key, key.removeprefix("mm "), ".2f") for key in moved]
    for name in SIGNS:
        columns += [Column(f"mm {name}", name, "+.1f"), Column(f"share {name}", "faces", ".0%")]
    title = "Movement of regions, and of landmarks with the share of the faces that show it, mm"
    return _table(title, names, rows, [*columns, Column("intended", "as intended", ".0%")])


def trait_table(names: Sequence[str], rows: Sequence[Mapping[str, float | None]]) -> Table:
    """What networks that nothing is trained against say."""
    title = "Independent networks: the expression asked for, years older, towards a man, still the same person"
    return _table(title, names, rows, TRAITS)


def retrieval_table(names: Sequence[str], prompts: Sequence[str], matrix: Tensor, by: str) -> Table:
    """Which prompt (columns) the look or the change (`by`) of the faces of each edit (rows) is nearest to."""
    cells = [[name, *(f"{share:.0%}" for share in row)] for name, row in zip(names, matrix.tolist(), strict=True)]
    return Table(f"Share of the faces whose {by} is nearest to each prompt", ["edited", *prompts], cells)


def write_tables(folder: Path, tables: Sequence[Table], remarks: Sequence[str], content: Mapping[str, Any]) -> None:
    """Write `scores.md`, `scores.json`, and `scores.csv` with a row for each edit.

    Args:
        folder: exists.
        tables: for Markdown.
        remarks: below them.
        content: for JSON; its list `edits` also for CSV.
    """
    parts = [*(table.markdown() for table in tables), *remarks]
    (folder / "scores.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    (folder / "scores.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in content["edits"] for key in row)))
        writer.writeheader()
        writer.writerows(content["edits"])


def _table(title: str, names: Sequence[str], rows: Sequence[Mapping], columns: Sequence[Column]) -> Table:
    columns = [column for column in columns if any(row.get(column.key) is not None for row in rows)]
    cells = [
        [name, *(NOTHING if row.get(key) is None else format(row[key], form) for key, _, form in columns)]
        for name, row in zip(names, rows, strict=True)
    ]
    return Table(title, ["edited", *(column.heading for column in columns)], cells)
