"""All of `scripts/prepare_photos.py`: from a folder of photographs and files about them to a finished data set."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
from omegaconf import OmegaConf
from tqdm import tqdm

from clipface.head import HeadModel
from clipface.photos import deca, heads
from clipface.photos.attributes import FaceAttributes
from clipface.photos.dataset import KEPT, HeadSource, Options, Preparation, check_writable, open_output, plan_run
from clipface.photos.filter import FilterRule
from clipface.photos.report import SUMMARY, summarise, table, write_distribution, write_sheet
from clipface.photos.sources import Pairing, Source, find_sources, pair, read_people, with_fits
from clipface.render import Renderer
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig


@dataclass
class PrepareConfig:
    """What `prepare_photos.py` is asked for; see its `--help`."""

    photos: Path  # folder of images
    out: Path  # data set, new or one to go on with
    head: str  # open, flame
    filter: str  # name of a file of configs/filter, or a YAML file
    attributes: Path | None  # FFHQ attribute files
    fits: Path | None  # DECA codes or vertices to import
    tform: Path | None  # DECA's crop, if vertices are in it
    people: Path | None  # table of who is on which photograph
    device: str
    workers: int  # processes; 0: none
    batch: int  # faces fitted at once
    shard: int  # photographs in a shard
    lossless: bool
    verify: bool  # compare checksums first


def prepare(config: PrepareConfig) -> None:
    """Make a data set, or what is missing of it; prints what is found and what came out.

    Raises:
        FileNotFoundError, ValueError: if a file or a setting is missing or wrong; names it.
        OSError: if the disk is full, for instance; complete shards stay.
    """
    if config.out.resolve() == config.photos.resolve():
        raise ValueError("out: expected another folder than that of the photographs; give a new one")
    people = read_people(config.people) if config.people else None
    sources, others = find_sources(config.photos, config.out, people)
    options = _options(config)
    pairing = _find_fits(config, sources)
    if pairing is not None:
        sources = with_fits(sources, pairing.paths)
    if config.device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device: expected cpu, got {config.device}, but PyTorch sees no CUDA device")
    head, renderer = load_head_and_renderer(HeadConfig(config.head), RendererConfig())
    head, renderer = head.to(config.device), renderer.to(config.device)
    source = _head_source(config, pairing, head, renderer)
    with exclusive(config.out):
        for damage in open_output(options, source.name, config.verify):
            print(f"damaged, made again: {damage}")
        plan = plan_run(options, sources)
        for path, why in plan.stale.items():
            print(f"out of date, made again: {path.name}: {why}")
        if len(plan.todo) < len(sources):
            print(f"{len(sources) - len(plan.todo)} of {len(sources)} photographs are done already")
        with tqdm(total=len(plan.todo), unit="photo", smoothing=0.05, disable=not plan.todo) as bar:
            Preparation(options, source, _counter(bar)).run(plan)
        _finish(config.out, others, head, renderer)


def read_rule(name: str) -> FilterRule:
    """Read a filter rule by name or from a YAML file.

    Raises:
        ValueError: if there is no such rule or file, or it holds other keys.
    """
    folder = files("configs") / "filter"
    path = folder / f"{name}.yaml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        known = ", ".join(sorted(rule.name.removesuffix(".yaml") for rule in folder.iterdir()))
        raise ValueError(f"filter: expected one of {known} or a YAML file, got {name}")
    try:
        return OmegaConf.to_object(
            OmegaConf.merge(OmegaConf.structured(FilterRule), OmegaConf.create(path.read_text()))
        )
    except Exception as error:  # OmegaConf and YAML have many kinds of them
        raise ValueError(f"filter: {path}: {error}") from error


@contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Keep other runs off a data set, whose folder is made if missing.

    Raises:
        ValueError: if another run is writing to it.
    """
    check_writable(out)
    folder = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ValueError(f"out: another run is writing to {out}; wait for it, or end it") from None
    finally:
        os.close(folder)


def _options(config: PrepareConfig) -> Options:
    rule = read_rule(config.filter)
    if rule.needs_attributes and config.attributes is None:
        raise ValueError(f"attributes: the filter {config.filter} needs --attributes, got none")
    return Options(
        config.photos, config.out, config.head, rule,
        FaceAttributes(config.attributes) if config.attributes else None,
        config.workers, config.batch, config.shard, config.lossless,
    )  # fmt: skip


def _find_fits(config: PrepareConfig, sources: list[Source]) -> Pairing | None:
    """Pair photographs with what heads are imported from; None if they are to be fitted."""
    if config.fits is None:
        return None
    if config.head != "flame":
        raise ValueError(f"head: expected flame with --fits, since DECA's heads are FLAME's, got {config.head}")
    pairing = pair([source.file for source in sources], config.fits, (*deca.SUFFIXES, *heads.VERTEX_SUFFIXES))
    if pairing.unused:
        print(f"{len(pairing.unused)} files in {config.fits} belong to no photograph, such as {pairing.unused[0]}")
    return pairing


def _head_source(config: PrepareConfig, pairing: Pairing | None, head: HeadModel, renderer: Renderer) -> HeadSource:
    if pairing is None:
        return heads.FittedHeads(head, renderer)
    kinds = {path.suffix.lower() in heads.VERTEX_SUFFIXES for path in pairing.paths.values()}
    if len(kinds) > 1:
        raise ValueError(f"fits: expected codes or vertices, got both in {config.fits}; import one kind at a time")
    if True in kinds:
        tform = deca.read_tform(config.tform) if config.tform else None
        return heads.VertexHeads(head, renderer, pairing, tform)
    return heads.DecaHeads(head, renderer, pairing, config.photos)


def _counter(bar: tqdm) -> Callable[[str, str], None]:
    """Shows the progress of each photograph on a bar."""
    dropped = 0

    def done(file: str, result: str) -> None:
        nonlocal dropped
        dropped += result != KEPT
        bar.set_postfix(dropped=dropped, refresh=False)
        bar.update()

    return done


def _finish(out: Path, others: int, head: HeadModel, renderer: Renderer) -> None:
    """Say what came out, and write what is about the data set as a whole."""
    summary = summarise(out, others)
    print(table(summary))
    if not summary["kept"]:
        print(f"no face was kept; see the reasons in {out / SUMMARY}")
        return
    write_distribution(out, head)
    print(f"look at {write_sheet(out, head, renderer)}\ntrain: python -m trainer.texture_gan dataset.path={out}")
