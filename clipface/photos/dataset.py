"""A folder of photographs → a data set of masked faces with fitted heads, shard by shard, resumable."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from clipface.data import shards
from clipface.fit.fitter import FittedImages
from clipface.photos.examine import SIZE, Cutout
from clipface.photos.opening import Options
from clipface.photos.sources import Plan, Source, packed
from clipface.photos.workers import Examiners

LEAST_MASK = 0.02  # of the image: a face of which less is visible is of no use to training
KEPT = "kept"


class HeadSource(Protocol):
    """Where heads come from: fitted here, or imported."""

    name: str  # kept with the data set; it must not change between runs

    def reason(self, file: str) -> str | None:
        """Why there can be no head for a photograph, before looking at it; its kind before the colon."""

    def heads(self, files: Sequence[str], cutouts: Sequence[Cutout], groups: Tensor) -> tuple[FittedImages, dict]:
        """Heads of cut out faces; and arrays [B, ...] that are stored beside them."""


class Preparation:
    """Turns the photographs of a plan into shards.

    Args:
        options: what and how.
        source: of heads.
        done: called with each photograph and its result ("kept" or a reason), in order.
    """

    def __init__(self, options: Options, source: HeadSource, done: Callable[[str, str], None]) -> None:
        self.options, self.source, self.done = options, source, done

    def run(self, plan: Plan) -> None:
        """Write what is missing. However this ends, complete shards stay.

        Raises:
            OSError: if the disk is full, for instance; the shard that was being written is removed.
            KeyboardInterrupt: the images that were done are kept.
        """
        options, packets = self.options, plan.packets or []
        sources = (source for _, packet in packets for group in packet for source in group)
        paths = (str(options.photos / source.file) for source in sources if self._prior(source) is None)
        with Examiners(options.workers, options.rule, SIZE) as examiners:
            results = examiners.examine(paths)
            for number, groups in packets:
                self._shard(number, packed(groups, options.batch), results)

    def _prior(self, source: Source) -> str | None:
        """Why a photograph is dropped without a look at it."""
        reason = self.source.reason(source.file)
        if reason is None and self.options.attributes is not None:
            reason = self.options.attributes.reason(Path(source.file).stem, self.options.rule.attributes)
        return reason

    def _shard(self, number: int, batches: list[list[list[Source]]], results: Iterator[Cutout | str]) -> None:
        writer = shards.ShardWriter(self.options.out, number, self.options.lossless)
        record: dict[str, dict[str, Any]] = {}
        consistent = True  # whether the record lists all that is written
        try:
            for groups in batches:
                found = [(self._prior(source) or next(results), source) for group in groups for source in group]
                group_of = [place for place, group in enumerate(groups) for _ in group]
                faces, reasons = self._faces(found, group_of)
                with uninterrupted():
                    consistent = False
                    for face in faces:
                        writer.add(face)
                    for _, source in found:
                        record[source.file] = source.record() | {"result": reasons.get(source.file, KEPT)}
                    consistent = True
                for _, source in found:
                    self.done(source.file, record[source.file]["result"])
        except BaseException:
            if record and consistent:
                writer.close({"sources": record})
            else:
                writer.discard()
            raise
        writer.close({"sources": record})

    def _faces(
        self, found: list[tuple[Cutout | str, Source]], group_of: list[int]
    ) -> tuple[list[shards.Face], dict[str, str]]:
        """Faces to store of a batch, and the reason for each file that is dropped."""
        reasons = {source.file: result for result, source in found if isinstance(result, str)}
        kept = [place for place, (result, _) in enumerate(found) if not isinstance(result, str)]
        if not kept:
            return [], reasons
        cutouts, files = [found[place][0] for place in kept], [found[place][1].file for place in kept]
        fitted, extra = self.source.heads(files, cutouts, torch.tensor([group_of[place] for place in kept]))
        masks = fitted.mask.cpu().numpy()
        arrays = {name: part.detach().cpu().numpy() for name, part in fitted.fit._asdict().items()} | {
            "camera": fitted.fit.camera.detach().cpu().numpy(), "visibility": fitted.visibility.cpu().numpy(), **extra,
        }  # fmt: skip
        faces = []
        for place, (file, cutout) in enumerate(zip(files, cutouts, strict=True)):
            rows = {name: array[place] for name, array in arrays.items()} | {"matrix": cutout.matrix}
            visible = float(masks[place].mean() / 255)
            if not all(np.isfinite(row).all() for row in rows.values()):
                reasons[file] = "not fitted: the fit did not end in finite numbers"
            elif visible < LEAST_MASK:
                reasons[file] = f"face hidden: {visible:.1%} of the image shows skin of the face"
            else:
                faces.append(shards.Face(face_name(file), cutout.image, masks[place], rows, source=file))
        return faces, reasons


def face_name(file: str) -> str:
    """Name of a photograph's face: its path without what archives trip over, and a few digits that make it unique."""
    plain = "".join(c if c.isalnum() or c in "_-/" else "_" for c in os.path.splitext(file)[0])
    return f"{plain}-{hashlib.sha256(os.fsencode(file)).hexdigest()[:8]}"


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the block has ended (main thread only)."""
    caught: list[tuple[int, Any]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught and callable(before):
        before(*caught[0])
