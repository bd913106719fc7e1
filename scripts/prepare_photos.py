"""Turn a folder of photographs into a data set for trainer.texture_gan: filter, crop, fit heads, mask.

python scripts/prepare_photos.py --photos my_photos --out my_faces
python scripts/prepare_photos.py --photos ffhq --attributes features.zip --filter paper --device cuda --out ffhq_faces
python scripts/prepare_photos.py --photos my_photos --people people.csv --workers 8 --lossless --out my_faces

The same command again does only what is missing: after an interruption, or when there are new photographs.
"""

import argparse
import errno
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from omegaconf import OmegaConf
from tqdm import tqdm

from clipface.head import load_head
from clipface.photos import deca, given_vertices
from clipface.photos.attributes import FaceAttributes
from clipface.photos.dataset import KEPT, Options, Preparation, check_writable, open_output, plan_run
from clipface.photos.filter import FilterRule
from clipface.photos.heads import DecaHeads, FittedHeads, VertexHeads
from clipface.photos.pairing import Pairing, pair
from clipface.photos.report import SUMMARY, summarise, table, write_distribution, write_sheet
from clipface.photos.sources import Source, find_sources, read_people, with_fits
from clipface.render import Renderer

INTERRUPTED = 130  # exit code of a program ended by Ctrl-C
RULES = sorted(path.name.removesuffix(".yaml") for path in (files("configs") / "filter").iterdir())


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cpus = os.cpu_count() or 1
    one = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    one.add_argument("--photos", type=Path, required=True, help="folder of images, searched with all below it")
    one.add_argument("--out", type=Path, required=True, help="data set folder; new, or one to go on with")
    one.add_argument("--head", default="open", choices=("open", "flame"), help="the head to fit")
    one.add_argument("--filter", default="default", help=f"{', '.join(RULES)}, or a YAML file (see configs/filter)")
    one.add_argument("--attributes", type=Path, help="folder or zip of FFHQ attribute files (JSON)")
    one.add_argument("--fits", type=Path, help="folder of DECA codes (.mat, .pkl, .npz) or vertices (.pt) to import")
    one.add_argument("--tform", type=Path, help="sample_deca.pkl, if the vertices are in DECA's crop")
    one.add_argument("--people", type=Path, help="CSV (file, person): images of one person share an identity")
    one.add_argument("--device", default="cpu", help="where heads are fitted: cpu, cuda")
    one.add_argument("--workers", type=number(0), default=cpus, help="processes that find faces; 0: none")
    one.add_argument("--batch", type=number(1), default=32, help="faces fitted at once")
    one.add_argument("--shard", type=number(1), default=256, help="photographs in a shard: what a crash loses")
    one.add_argument("--lossless", action="store_true", help="keep images as PNG instead of JPEG")
    one.add_argument("--verify", action="store_true", help="first compare the checksums of what is there")
    return one


def number(least: int) -> Callable[[str], int]:
    """A whole number of at least so much, from the command line."""

    def whole_number(words: str) -> int:
        if int(words) < least:
            raise argparse.ArgumentTypeError(f"expected {least} or more, got {words}")
        return int(words)

    return whole_number


def main() -> int:
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        prepare(options)
    except KeyboardInterrupt:
        print("\nstopped. What was done is kept; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            print(
                f"\nerror: the disk of {options.out} is full. The shards that are complete stay; make room and run "
                "the same command again",
                file=sys.stderr,
            )
            return 1
        print(f"error: {error.strerror or error}", file=sys.stderr)
        return 1
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def prepare(arguments: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if arguments.out.resolve() == arguments.photos.resolve():
        raise ValueError("out: another folder than that of the photographs is wanted")
    people = read_people(arguments.people) if arguments.people else None
    sources, others = find_sources(arguments.photos, arguments.out, people)
    options = Options(
        arguments.photos, arguments.out, arguments.head, read_rule(arguments.filter),
        FaceAttributes(arguments.attributes) if arguments.attributes else None,
        arguments.workers, arguments.batch, arguments.shard, arguments.lossless,
    )  # fmt: skip
    if options.rule.needs_attributes and options.attributes is None:
        raise ValueError(f"attributes: the filter {arguments.filter} needs --attributes, none were given")
    pairing = find_fits(arguments, sources)
    if pairing is not None:
        sources = with_fits(sources, pairing.paths)
    kind = source_of(pairing)
    head = load_head(arguments.head).to(checked_device(arguments.device))
    renderer = Renderer(head.faces, head.uv, head.uv_faces).to(arguments.device)
    with alone(arguments.out):
        for damage in open_output(options, kind.name, arguments.verify):
            print(f"damaged, made again: {damage}")
        plan = plan_run(options, sources)
        for path, why in plan.stale.items():
            print(f"out of date, made again: {path.name}: {why}")
        if len(plan.todo) < len(sources):
            print(f"{len(sources) - len(plan.todo)} of {len(sources)} photographs are done already")
        if plan.todo:
            more = {FittedHeads: (), DecaHeads: (pairing, arguments.photos), VertexHeads: (pairing, tform(arguments))}
            heads = kind(head, renderer, *more[kind])
            with tqdm(total=len(plan.todo), unit="photo", smoothing=0.05) as bar:
                Preparation(options, heads, counter(bar)).run(plan)
        finish(arguments.out, others, head, renderer)


def checked_device(name: str) -> str:
    """Refuse CUDA where there is none."""
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device: {name} was given but PyTorch sees no CUDA device; use --device cpu")
    return name


def find_fits(arguments: argparse.Namespace, sources: list[Source]) -> Pairing | None:
    """Pair photographs with what heads are imported from; None if they are to be fitted."""
    if arguments.fits is None:
        return None
    if arguments.head != "flame":
        raise ValueError(
            f"head: flame is wanted with --fits, since DECA's heads are FLAME's, {arguments.head} was given"
        )
    pairing = pair([source.file for source in sources], arguments.fits, (*deca.SUFFIXES, *given_vertices.SUFFIXES))
    if len({is_vertices(path) for path in pairing.paths.values()}) > 1:
        raise ValueError(f"fits: codes or vertices are wanted, {arguments.fits} holds both")
    if pairing.unused:
        print(f"{len(pairing.unused)} files in {arguments.fits} belong to no photograph, such as {pairing.unused[0]}")
    return pairing


def source_of(pairing: Pairing | None) -> type:
    """Class of the head source."""
    if pairing is None:
        return FittedHeads
    return VertexHeads if any(map(is_vertices, pairing.paths.values())) else DecaHeads


def is_vertices(path: Path) -> bool:
    """Whether a file holds vertices, not a code."""
    return path.suffix.lower() in given_vertices.SUFFIXES


def tform(arguments: argparse.Namespace) -> np.ndarray | None:
    """The map into DECA's crop that all vertices are in, if there is one."""
    return deca.read_tform(arguments.tform) if arguments.tform else None


def counter(bar: tqdm) -> Callable[[str, str], None]:
    """Shows the progress of each photograph on a bar."""
    dropped = 0

    def done(file: str, result: str) -> None:
        nonlocal dropped
        dropped += result != KEPT
        bar.set_postfix(dropped=dropped, refresh=False)
        bar.update()

    return done


def finish(out: Path, others: int, head: torch.nn.Module, renderer: Renderer) -> None:
    """Say what came out, and write what is about the data set as a whole."""
    summary = summarise(out, others)
    print(table(summary))
    if not summary["kept"]:
        print(f"no face was kept; the reasons stand in {out / SUMMARY}")
        return
    write_distribution(out, head)
    print(f"look at {write_sheet(out, head, renderer)}\ntrain: python -m trainer.texture_gan dataset.path={out}")


def read_rule(name: str) -> FilterRule:
    """Read a filter rule by name or from a YAML file."""
    path = files("configs") / "filter" / f"{name}.yaml" if name in RULES else Path(name)
    if not path.is_file():
        raise ValueError(f"filter: expected one of {', '.join(RULES)} or a YAML file, got {name}")
    try:
        return OmegaConf.to_object(
            OmegaConf.merge(OmegaConf.structured(FilterRule), OmegaConf.create(path.read_text()))
        )
    except Exception as error:  # OmegaConf and YAML have many kinds of them
        raise ValueError(f"filter: {path}: {error}") from error


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep other runs off this data set."""
    check_writable(out)
    folder = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ValueError(f"out: another run is writing to {out}; wait for it, or end it") from None
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(main())
