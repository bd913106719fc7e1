"""All of `scripts/prepare_photos.py`: from a folder of photographs and files about them to a finished data set."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import torch
from omegaconf import OmegaConf
from tqdm import tqdm

from clipface.data.shards import join_parts
from clipface.documents import read_yaml
from clipface.files import LOCK, locked
from clipface.head import HeadModel
from clipface.parts import Part
from clipface.photos import deca, heads
from clipface.photos.attributes import FaceAttributes
from clipface.photos.dataset import KEPT, HeadSource, Preparation
from clipface.photos.filter import FilterRule
from clipface.photos.masks import MASK_SUFFIXES, GivenMasks
from clipface.photos.opening import Options, check_writable, open_output, plan_run
from clipface.photos.report import SUMMARY, summarise, table, write_distribution, write_sheet
from clipface.photos.sources import Pairing, Source, find_sources, listed, pair, read_people, with_files
from clipface.render import Renderer
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig, pasted


def prepare(options: Namespace) -> int | None:
    """Make a data set, or what is missing of it; prints what is found and what came out.

    Args:
        options: of `scripts/prepare_photos.py`; see its help.

    Returns:
        How many faces the data set holds; None of a part: others may be at work.

    Raises:
        FileNotFoundError, ValueError: if a file or a setting is missing or wrong; names it.
        OSError: if the disk is full, for instance; complete shards stay.
    """
    if options.out.resolve() == options.photos.resolve():
        raise ValueError("out: expected another folder than that of the photographs; give a new one")
    people = read_people(options.people) if options.people else None
    sources, others = find_sources(options.photos, options.out, people)
    if options.list is not None:
        sources, unknown = listed(sources, options.list)
        if unknown:
            print(f"{len(unknown)} names in {options.list} are of no photograph, such as {unknown[0]}")
    settings = _settings(options)
    pairing = _find_fits(options, sources)
    if pairing is not None:
        sources = with_files(sources, pairing.paths)
    masks = None
    if options.masks is not None:
        masks = pair([source.file for source in sources], options.masks, MASK_SUFFIXES, "mask")
        sources = with_files(sources, masks.paths)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device: expected cpu, got {options.device}, but PyTorch sees no CUDA device")
    head, renderer = load_head_and_renderer(HeadConfig(options.head), RendererConfig(), options.device)
    source = _head_source(options, pairing, head, renderer)
    if masks is not None:
        source = GivenMasks(source, masks)
    with exclusive(options.out, settings.part):
        for damage in open_output(settings, source.name, options.verify, sources):
            print(f"damaged, made again: {damage}")
        plan = plan_run(settings, sources)
        for path, why in plan.stale.items():
            print(f"out of date, made again: {path.name}: {why}")
        if settings.part:
            print(f"part {settings.part}: {len(plan.todo)} of {len(sources)} photographs to be done")
        elif len(plan.todo) < len(sources):
            print(f"{len(sources) - len(plan.todo)} of {len(sources)} photographs are done already")
        with tqdm(total=len(plan.todo), unit="photo", smoothing=0.05, disable=not plan.todo) as bar:
            dropped = 0

            def done(file: str, result: str) -> None:
                nonlocal dropped
                dropped += result != KEPT
                bar.set_postfix(dropped=dropped, refresh=False)
                bar.update()

            Preparation(settings, source, done).run(plan)
        if settings.part:
            print(f"part {settings.part} is done; when all are, run the same command without --part")
            return None
        join_parts(options.out)
        return _finish(options, others, head, renderer)


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
            OmegaConf.merge(OmegaConf.structured(FilterRule), OmegaConf.create(read_yaml(path, "filter")))
        )
    except Exception as error:  # OmegaConf and YAML have many kinds of them
        raise ValueError(f"filter: {path}: {error}") from error


@contextmanager
def exclusive(out: Path, part: Part | None = None) -> Iterator[None]:
    """Keep other runs off a data set, whose folder is made if missing, or the same part and those of the whole.

    Raises:
        ValueError: if another run is writing to it.
    """
    check_writable(out)
    if part is not None:
        with locked(out, f"part {part}", f"{LOCK}-{part.number}"):
            yield
        return
    with locked(out, "out"):
        for other in out.glob(f"{LOCK}-*"):  # of parts, or left by some that were killed
            with locked(out, "out", other.name):
                pass
        yield


def _settings(options: Namespace) -> Options:
    rule = read_rule(options.filter)
    if rule.needs_attributes and options.attributes is None:
        raise ValueError(f"attributes: the filter {options.filter} needs --attributes, got none")
    return Options(
        options.photos, options.out, options.head, rule,
        FaceAttributes(options.attributes) if options.attributes else None,
        options.workers, options.batch, options.shard, options.lossless, options.part,
    )  # fmt: skip


def _find_fits(options: Namespace, sources: list[Source]) -> Pairing | None:
    """Pair photographs with what heads are imported from; None if they are to be fitted."""
    if options.fits is None:
        return None
    if options.head != "flame":
        raise ValueError(f"head: expected flame with --fits, since DECA's heads are FLAME's, got {options.head}")
    pairing = pair([source.file for source in sources], options.fits, (*deca.SUFFIXES, *heads.VERTEX_SUFFIXES))
    if pairing.unused and options.list is None:  # those of photographs that a list leaves out are none to wonder at
        print(f"{len(pairing.unused)} files in {options.fits} belong to no photograph, such as {pairing.unused[0]}")
    return pairing


def _head_source(options: Namespace, pairing: Pairing | None, head: HeadModel, renderer: Renderer) -> HeadSource:
    if pairing is None:
        return heads.FittedHeads(head, renderer)
    kinds = {path.suffix.lower() in heads.VERTEX_SUFFIXES for path in pairing.paths.values()}
    if len(kinds) > 1:
        raise ValueError(f"fits: expected codes or vertices, got both in {options.fits}; import one kind at a time")
    if True in kinds:
        tform = deca.read_tform(options.tform) if options.tform else None
        return heads.VertexHeads(head, renderer, pairing, tform)
    return heads.DecaHeads(head, renderer, pairing, options.photos)


def _finish(options: Namespace, others: int, head: HeadModel, renderer: Renderer) -> int:
    """Print what came out, write summary, distribution and contact sheet, and return how many were kept."""
    out, named = options.out, "" if options.head == "open" else f" head={options.head}"
    summary = summarise(out, others)
    print(table(summary))
    if not summary["kept"]:
        print(f"no face was kept; see the reasons in {out / SUMMARY}")
        return 0
    write_distribution(out, head)
    train = f"python -m trainer.texture_gan{named} {pasted('dataset.path', out)}"
    print(f"look at {write_sheet(out, head, renderer)}\ntrain: {train}")
    return summary["kept"]
