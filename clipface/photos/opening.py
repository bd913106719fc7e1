"""A data set that is begun or resumed, by one run or by parts: what must stay the same, and what is to be done."""

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clipface.data import shards
from clipface.files import locked, partial_path
from clipface.parts import Part, digest
from clipface.photos.attributes import FaceAttributes
from clipface.photos.examine import SIZE
from clipface.photos.filter import FilterRule
from clipface.photos.sources import Plan, Source, grouped, make_plan, packed

WAIT = 60.0  # seconds that parts which begin together wait for each other
MOST_SHARDS = 10**5  # their numbers have five digits


@dataclass
class Options:
    """What a data set is made from and how."""

    photos: Path
    out: Path
    head: str  # the head's name
    rule: FilterRule = field(default_factory=FilterRule)
    attributes: FaceAttributes | None = None
    workers: int = 2  # processes
    batch: int = 32  # faces fitted at once
    shard: int = 256  # photographs in a shard
    lossless: bool = False
    part: Part | None = None  # of the photographs; None: all of them

    def division(self, sources: Sequence[Source]) -> dict[str, Any] | None:
        """What must be the same in all parts; None: there are none."""
        if self.part is None:
            return None
        photographs = digest([[source.file, source.person] for source in sources])
        return {"count": self.part.count, "batch": self.batch, "shard": self.shard, "photographs": photographs}

    def settings(self, heads: str) -> dict[str, Any]:
        """What must be the same in every run on one data set."""
        attributes = {} if self.attributes is None else asdict(self.rule.attributes)
        rule = {name: value for name, value in asdict(self.rule).items() if name != "attributes"}
        return {
            "crop": SIZE, "heads": heads, "lossless": self.lossless, "has_attributes": self.attributes is not None,
            **{f"filter.{name}": value for name, value in rule.items()},
            **{f"filter.attributes.{name}": value for name, value in attributes.items()},
        }  # fmt: skip


def open_output(options: Options, heads: str, check: bool = False, sources: Sequence[Source] = ()) -> list[str]:
    """Create a data set, or resume one: check it, and remove what an earlier run left unfinished.

    Args:
        options: what and how.
        heads: `HeadSource.name`.
        sources: all photographs, of which a part takes its own.
        check: read every shard and compare its checksum.

    Returns:
        What was found damaged, in words.

    Raises:
        PermissionError, NotADirectoryError: if the folder cannot be written to.
        ValueError: if the folder holds something else, or a data set made with other settings or parts.
    """
    check_writable(options.out)
    with locked(options.out, "out", seconds=WAIT) if options.part else nullcontext():
        return _open(options, heads, check, options.division(sources))


def _open(options: Options, heads: str, check: bool, division: dict[str, Any] | None) -> list[str]:
    out, settings = options.out, options.settings(heads)
    if not (out / shards.MANIFEST).exists():
        if any(path != partial_path(out / shards.MANIFEST) and not path.name.startswith(".") for path in out.iterdir()):
            raise ValueError(f"out: {out} holds other files and no data set; give a new or an empty folder")
        shards.create_dataset(out, options.head, settings, division)
        return []
    _check_settings(out, {"head": options.head, **settings}, division)
    good, damaged = shards.survey(out)
    damaged = {name: why for name, why in damaged.items() if _own(options, Path(name))}
    if check:
        own = [shard for shard in good if _own(options, shard.path)]
        damaged |= {shard.path.name: "its checksum is wrong" for shard in own if not shards.verify(shard)}
    complete = {shard.path.stem for shard in good if shard.path.name not in damaged}
    for path in sorted((out / shards.SHARDS).iterdir(), key=lambda path: path.suffix != ".json"):  # an index goes first
        if _own(options, path) and (path.stem not in complete or path.suffix not in (".tar", ".json")):
            path.unlink()
    return [f"{name}: {why}" for name, why in damaged.items()]


def _own(options: Options, path: Path) -> bool:
    """Whether a file of a shard belongs to this run: of a part those of its numbers."""
    number = path.name.split(".")[0]
    return options.part is None or (number.isdecimal() and options.part.has(int(number)))


def check_writable(out: Path) -> None:
    """Make a folder, and raise an OSError that names it if nothing can be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise type(error)(error.errno, f"out: cannot write to {out} ({error.strerror}); give another folder") from None


def _check_settings(out: Path, given: dict[str, Any], division: dict[str, Any] | None) -> None:
    manifest = shards.read_manifest(out, divided=True)
    begun = manifest.get(shards.DIVISION)
    if division is not None and begun != division:
        parts = begun.get("count") if isinstance(begun, dict) else None
        raise ValueError(
            f"part: expected the {parts or 1} parts, photographs, --batch and --shard that {out} was begun with, got "
            f"others, of {division['count']} parts; give the same options, or another folder"
        )
    made_with = {"head": manifest["head"], **manifest["settings"]}
    names = [name for name in {**made_with, **given} if made_with.get(name) != given.get(name)]
    if names:
        words = "; ".join(f"{name} {made_with.get(name)!r} → {given.get(name)!r}" for name in names)
        raise ValueError(f"out: {out} was made with other settings ({words}); give another folder")


def plan_run(options: Options, sources: list[Source]) -> Plan:
    """Find out what is to do, and take away shards that are out of date."""
    found = shards.survey(options.out)[0]
    if options.part is None:
        plan = make_plan(sources, found)
        free = (number for number in range(MOST_SHARDS) if number not in plan.numbers)
        packets = list(zip(free, packed(grouped(plan.todo, options.batch), options.shard), strict=False))
    else:
        plan, packets = _plan_part(options, sources, found)
    for path in plan.stale:
        path.with_suffix(".json").unlink()
        path.unlink()
    return plan._replace(packets=packets)


def _plan_part(options: Options, sources: list[Source], found: list[shards.Shard]) -> tuple[Plan, list]:
    """What a part lacks of the shards that one run would write, of which every so many-th is its own."""
    every = enumerate(packed(grouped(sources, options.batch), options.shard))
    own = {number: packet for number, packet in every if options.part.has(number)}
    known = {int(shard.path.stem): shard for shard in found if _own(options, shard.path)}
    stale = {}
    for number, shard in known.items():
        expected = {source.file: source.record() for group in own.get(number, ()) for source in group}
        record = shard.record["sources"]
        if expected.keys() != record.keys() or any(
            record[file].get(key) != value for file, now in expected.items() for key, value in now.items()
        ):
            stale[shard.path] = "photographs were changed"
    complete = known.keys() - {int(path.stem) for path in stale}
    packets = [(number, packet) for number, packet in own.items() if number not in complete]
    todo = [source for _, packet in packets for group in packet for source in group]
    return Plan(todo, stale, set(complete)), packets
