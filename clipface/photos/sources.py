"""Which photographs there are, which of them a data set lacks, and which files about them belong to each."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from clipface.data.shards import Shard
from clipface.documents import read_text
from clipface.files import numbered, read_table
from clipface.images import SUFFIXES


class Source(NamedTuple):
    """A photograph file as it is now; `file` is its path below the folder of photographs, with /."""

    file: str
    size: int
    mtime_ns: int
    person: str | None = None
    fit: str | None = None  # sizes and times of the files that its head is imported from and its mask

    def record(self) -> dict[str, Any]:
        """What a later run compares, to see whether it is still the same."""
        return {name: value for name, value in self._asdict().items() if name != "file"}


class Plan(NamedTuple):
    """`todo` in order; `stale` shards, to be made again, with the reason; `numbers` that complete shards use.

    `packets`: number of each shard to write, and its groups of photographs; None: not settled yet.
    """

    todo: list[Source]
    stale: dict[Path, str]
    numbers: set[int]
    packets: list[tuple[int, list[list[Source]]]] | None = None


def find_sources(photos: Path, leave_out: Path, people: Mapping[str, str] | None = None) -> tuple[list[Source], int]:
    """Find all image files in a folder and those below it.

    Args:
        photos: the folder.
        leave_out: a folder in it that is not searched.
        people: file to person.

    Returns:
        Photographs in order of their names, 2.jpg before 10.jpg, and how many other files lie there; hidden ones are
        neither.

    Raises:
        FileNotFoundError: if there is no such folder, or no image in it.
    """
    if not photos.is_dir():
        raise FileNotFoundError(f"photos: {photos} is no folder; give a folder of images")
    people = people or {}
    sources, others = [], 0
    for path in _files(photos, leave_out.resolve()):
        file = path.relative_to(photos).as_posix()
        if path.suffix.lower() not in SUFFIXES:
            others += 1
            continue
        try:
            status = path.stat()
        except OSError:  # a link to nowhere: examined like the others, so that it appears with its reason
            status = path.lstat()
        sources.append(Source(file, status.st_size, status.st_mtime_ns, people.get(file)))
    if not sources:
        kinds = ", ".join(SUFFIXES[:5])
        raise FileNotFoundError(f"photos: {photos} holds no images ({kinds} ...), {others} other files")
    return sorted(sources, key=lambda source: numbered(source.file)), others


def _files(folder: Path, leave_out: Path) -> Iterator[Path]:
    visited = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(place)
        # Folders that are links may lead back to where one was.
        known = (status.st_dev, status.st_ino) in visited or Path(place).resolve() == leave_out
        visited.add((status.st_dev, status.st_ino))
        folders[:] = [] if known else sorted(name for name in folders if not name.startswith("."))
        if not known:
            yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))


def with_files(sources: list[Source], files: Mapping[str, Path]) -> list[Source]:
    """Note for each photograph a file that its head or its mask comes from, so that a changed one is noticed."""
    states = {file: path.stat() for file, path in files.items()}
    marks = {file: f"{state.st_size} {state.st_mtime_ns}" for file, state in states.items()}
    noted = {s.file: " ".join(part for part in (s.fit, marks.get(s.file)) if part) for s in sources}
    return [source._replace(fit=noted[source.file] or None) for source in sources]


def listed(sources: list[Source], path: Path) -> tuple[list[Source], list[str]]:
    """Keep the photographs that a list names: a text file, a name in each line, with or without folder and suffix.

    Returns:
        These photographs, and the names that are of none.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it names none of them.
    """
    text = read_text(path, "list", "expected names of photographs, one a line")
    names = [line.strip() for line in text.splitlines() if line.strip()]
    wanted, known = set(names), set()
    kept = []
    for source in sources:
        own = {source.file, Path(source.file).name, Path(source.file).stem}
        known |= own
        if own & wanted:
            kept.append(source)
    if not kept:
        raise ValueError(
            f"list: expected names of the photographs, such as {Path(sources[0].file).stem}, got none in {path}"
        )
    return kept, [name for name in names if name not in known]


def read_people(path: Path) -> dict[str, str]:
    """Read who is on which photograph: a CSV file with the columns `file` and `person`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a column is missing.
    """
    rows = read_table(path, ("file", "person"), "people")
    return {row["file"]: row["person"] for row in rows if row["file"] and row["person"]}


def make_plan(sources: list[Source], shards: list[Shard]) -> Plan:
    """Compare photographs with what a data set has of them.

    A shard with a photograph that was changed or removed is made again, and so is one with a person of whom there are
    new photographs: all images of a person are fitted together.
    """
    now = {source.file: source for source in sources}
    stale: dict[Path, str] = {}
    fresh = list(shards)
    while True:
        done = {file for shard in fresh for file in shard.record["sources"]}
        todo = [source for source in sources if source.file not in done]
        new_people = {source.person for source in todo if source.person is not None}
        found = {shard.path: why for shard in fresh if (why := _why_stale(shard, now, new_people)) is not None}
        if not found:
            return Plan(todo, stale, {int(shard.path.stem) for shard in fresh})
        stale |= found
        fresh = [shard for shard in fresh if shard.path not in found]


def _why_stale(shard: Shard, now: Mapping[str, Source], new_people: set[str | None]) -> str | None:
    for file, record in shard.record["sources"].items():
        if file not in now:
            return f"{file} was removed"
        if any(record.get(key) != value for key, value in now[file].record().items()):
            return f"{file} was changed"
        if now[file].person in new_people:
            return f"there are new photographs of {now[file].person}"
    return None


def grouped(sources: list[Source], most: int) -> list[list[Source]]:
    """Group photographs of one person, at most so many, in order of their first one."""
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        groups[f"one {source.file}" if source.person is None else f"person {source.person}"].append(source)
    return [group[start : start + most] for group in groups.values() for start in range(0, len(group), most)]


def packed(groups: Sequence[Any], most: int) -> list[list[Any]]:
    """Fill packets with groups (of any sized kind), which are not split, at most so many photographs in each."""
    packets: list[list[Any]] = []
    room = 0
    for group in groups:
        if len(group) > room:
            packets.append([])
            room = most
        packets[-1].append(group)
        room -= len(group)
    return packets


class Pairing(NamedTuple):
    """`paths`: photograph to its file. `reasons`: photograph to why it has none. `unused`: files of no photograph."""

    paths: dict[str, Path]
    reasons: dict[str, str]
    unused: list[Path]


def pair(photographs: Sequence[str], folder: Path, suffixes: tuple[str, ...], what: str = "fit") -> Pairing:
    """Find the file of each photograph.

    It has the same path below its folder but for the suffix, or else the same name, if no other photograph and no
    other file has that name.

    Args:
        photographs: paths below their folder, with /.
        folder: searched with all below it.
        suffixes: of the files looked for, lower case.
        what: one of them is, in words.

    Raises:
        FileNotFoundError: if there is no such folder, or no such file in it.
    """
    kinds = ", ".join(suffixes)
    if not folder.is_dir():
        raise FileNotFoundError(f"{what}s: {folder} is no folder; give a folder of {kinds} files")
    every = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    files = [path for path in every if not path.name.startswith(".")]  # hidden ones are macOS's
    if not files:
        raise FileNotFoundError(f"{what}s: {folder} holds no {kinds} files; give the folder that does")
    names = (lambda path: path.with_suffix(""), lambda path: path.stem)  # by place, else by name
    files_of = [_called([file.relative_to(folder) for file in files], name) for name in names]
    photographs_of = [_called(map(Path, photographs), name) for name in names]
    paths, reasons = {}, {}
    for photograph in photographs:
        path = Path(photograph)
        kind = 0 if names[0](path) in files_of[0] else 1
        found, sharing = (table.get(names[kind](path), []) for table in (files_of[kind], photographs_of[kind]))
        if len(found) == len(sharing) == 1:
            paths[photograph] = folder / found[0]
        elif not found:
            reasons[photograph] = f"no {what}: there is no file of this name"
        else:
            both = f"{len(sharing)} photographs and {len(found)} files are called {path.stem}"
            reasons[photograph] = f"no {what}: {both}"
    used = set(paths.values())
    return Pairing(paths, reasons, [path for path in files if path not in used])


def _called(paths: Iterable[Path], name: Callable[[Path], Any]) -> dict[Any, list[Path]]:
    """Paths by their name."""
    table: dict[Any, list[Path]] = defaultdict(list)
    for path in paths:
        table[name(path)].append(path)
    return dict(table)
