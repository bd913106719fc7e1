"""All tries of some readers, and the table of what became of them."""

import argparse
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch

from .mutations import mutated
from .reader import Reader
from .readers import READERS
from .trial import OUTCOMES, Outcome, attempt

PIXELS = 900 << 20  # what an image of the most pixels that are read may take in all its forms
NAMES = ("missing", "a folder", "a pipe", "a loop of links", "a name too long", "a link to a device", "empty")
EXAMPLES = 12  # of what did harm, printed for each reader
MUTATED = "mutated"  # ends the labels of such files
HARM = OUTCOMES[2:]


class Try(NamedTuple):
    """One file: what was done to it, and how to make it below a folder that has a valid one."""

    label: str
    change: Callable[[Path], Path]


def tries(reader: Reader, valid: Path, chance: random.Random, crafted: bool) -> Iterator[Try]:
    """Every odd kind of name, every lie, then mutations without end."""
    parts = sorted(path for path in valid.rglob("*") if path.is_file()) if valid.is_dir() else _beside(valid)
    contents = {part: part.read_bytes() for part in parts}
    base = valid.parent
    if crafted:
        yield from (Try(name, lambda path, name=name: _odd(path, name)) for name in NAMES)
        for part in parts:
            known = reader.lies if part == valid else dict(reader.beside).get(part.suffix)
            for label, content in known(contents[part]) if known else ():
                yield Try(f"{part.name}: {label}", _writing(part.relative_to(base), content))
    while True:
        part = chance.choice(parts)
        content = mutated(contents[part], chance)
        yield Try(f"{part.name}: {MUTATED}", _writing(part.relative_to(base), content))


def _beside(valid: Path) -> list[Path]:
    return sorted(path for path in valid.parent.iterdir() if path.is_file())


def _writing(part: Path, content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        (path.parent / part).write_bytes(content)
        return path

    return write


def _odd(path: Path, name: str) -> Path:
    """Something else in the place of the file."""
    if name == "a name too long":
        return path.with_name("x" * 300 + path.suffix)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if name == "a folder":
        path.mkdir()
    elif name == "a pipe":
        os.mkfifo(path)
    elif name == "a loop of links":
        path.symlink_to(path.name)
    elif name == "a link to a device":
        path.symlink_to("/dev/zero")
    elif name == "empty":
        path.touch()
    return path


def valid_file(reader: Reader, folder: Path) -> Path:
    """Write a reader's valid file into a folder of its own, and read it."""
    valid = folder / "valid" / reader.file
    valid.parent.mkdir()
    reader.make(valid)
    reader.read(valid)  # here, so that no try has to import or to load what all share
    return valid


def run_tries(reader: Reader, valid: Path, wanted: Iterable[Try], keep: Path | None = None) -> "Found":
    """Try files, each on a copy of all that the valid one has beside it."""
    found = Found(reader.name)
    for number, each in enumerate(wanted):
        folder = valid.parent.parent / str(number)
        shutil.copytree(valid.parent, folder)
        path = each.change(folder / reader.file)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
        outcome = attempt(reader.read, path, size, PIXELS if reader.pixels else 0, reader.named)
        if reader.unnamed and outcome.kind == "raw" and outcome.error.startswith("PhotographError"):
            outcome = outcome._replace(kind="refused")
        found.add(each.label, outcome)
        if keep and outcome.kind in HARM:
            shutil.copytree(folder, keep / f"{reader.name} {number}".replace("/", "_"), symlinks=True)
        shutil.rmtree(folder, ignore_errors=True)
    return found


def campaign(reader: Reader, seconds: float, seed: int, crafted: bool = True, keep: Path | None = None) -> "Found":
    """Try one reader for some seconds; crafted files are tried to the last."""
    ends = time.monotonic() + seconds
    with TemporaryDirectory() as folder:
        valid = valid_file(reader, Path(folder))
        made = tries(reader, valid, random.Random(f"{seed} {reader.name}"), crafted)
        wanted = takewhile(lambda each: time.monotonic() < ends or not each.label.endswith(MUTATED), made)
        return run_tries(reader, valid, wanted, keep)


class Found:
    """What became of a reader's tries."""

    def __init__(self, name: str) -> None:
        self.name, self.counts, self.most = name, Counter(), 0
        self.examples: list[str] = []

    def add(self, label: str, outcome: Outcome) -> None:
        """Count one."""
        self.counts[outcome.kind] += 1
        self.most = max(self.most, outcome.memory)
        if outcome.kind in HARM:
            self.examples.append(f"{outcome.kind}: {label}: {outcome.error[:300]}")

    @property
    def harm(self) -> int:
        """How many did harm."""
        return sum(self.counts[kind] for kind in HARM)

    def row(self) -> str:
        """A line of the table."""
        counts = [self.counts[kind] for kind in OUTCOMES]
        return f"| {self.name} | {sum(counts)} | {' | '.join(map(str, counts))} | {self.most >> 20} |"


def run(options: argparse.Namespace) -> int:
    """Try readers, print the table; 1 if any file did harm."""
    torch.set_num_threads(1)
    chosen = [r for r in READERS if not options.reader or any(word in r.name for word in options.reader)]
    lines = [f"| reader | files | {' | '.join(OUTCOMES)} | most memory, MB |", "|---|" + "---|" * (len(OUTCOMES) + 2)]
    print("\n".join(lines), flush=True)
    harm = 0
    for reader in chosen:
        seconds = options.minutes * 60 / len(chosen)
        found = campaign(reader, seconds, options.seed, not options.no_crafted, options.keep)
        lines.append(found.row())
        print(lines[-1], flush=True)
        for example in dict.fromkeys(found.examples[:EXAMPLES]):
            print("   ", example, flush=True)
        harm += found.harm
    if options.table:
        options.table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(harm > 0)
