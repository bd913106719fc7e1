"""Endless batches of faces for the texture generator: painted ones, or a data set's photographs.

Batch number k is the same in every run with the same seed, so a resumed run goes on where the first one stopped.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d
from torch.utils.data import DataLoader

from clipface.data import FaceBatch, FitDistribution, MaskedFaces, collate, composite, endless_batches
from clipface.data.shards import DISTRIBUTION
from clipface.head import HeadModel
from clipface.render import Renderer, orthographic
from clipface.render.backgrounds import WHITE
from clipface.settings import HeadConfig
from clipface.synthetic import PaintedFaces
from trainer.common.config import TrainerConfig
from trainer.texture_gan.baked_stream import BakedFaces, Look, baked_batches, mixed
from trainer.texture_gan.config import DatasetConfig

SEED_STEP = 1_000_003  # between the seeds of two chunks or batches
# Visibility is stored coarsely, and a photograph's mask has a sharp border: the drawn one is sharpened around a half.
SHARPER = 10.0
LEAST_VISIBLE = 0.1  # of a texel that is seen squarely


class Run(Protocol):
    """What of a run's configuration matters here."""

    dataset: DatasetConfig
    head: HeadConfig
    batch_size: int
    image_size: int
    seed: int
    trainer: TrainerConfig


def open_faces(run: Run, head: HeadModel, renderer: Renderer) -> Callable[[int], Iterable[FaceBatch]]:
    """Open the faces that a run trains on.

    Args:
        run: its configuration.
        head: parameters to vertices; painted faces are made for it, on its device.
        renderer: of this head's mesh.

    Returns:
        A function from the number of a batch to endless batches from that one on.

    Raises:
        FileNotFoundError, ValueError: if the data set folder is missing, damaged, or was made for another head.
    """
    if run.dataset.textures:
        return _with_baked(run, head, renderer)
    return _open_one(run, head, renderer)


def _with_baked(run: Run, head: HeadModel, renderer: Renderer) -> Callable[[int], Iterable[FaceBatch]]:
    """Batches that hold a share of heads with baked textures."""
    config, device = run.dataset, head.v_template.device
    count = max(1, round(run.batch_size * config.textures_share))
    fits = Path(config.path) / DISTRIBUTION if config.path else None
    heads = FitDistribution.load(fits) if fits else None
    look = Look(config.texture_size, config.max_yaw, (1.0, config.max_zoom), config.blends, config.painted)
    baked = BakedFaces(config.textures, head, renderer, heads, look)
    drawing = (config.chunk, config.repeats, run.seed, run.image_size, WHITE)
    if count == run.batch_size:
        return lambda start: baked_batches(baked, count, *drawing, start)
    others = _open_one(replace(run, batch_size=run.batch_size - count), head, renderer)

    def vertices(batch: FaceBatch) -> Tensor:
        with torch.no_grad():
            return head(batch.shape, batch.expression, batch.pose, batch.neck_pose, batch.eye_pose)

    return lambda start: mixed(
        others(start), baked_batches(baked, count, *drawing, start), vertices, run.seed, start, device
    )


def _open_one(run: Run, head: HeadModel, renderer: Renderer) -> Callable[[int], Iterable[FaceBatch]]:
    if run.dataset.path is None:
        painter = PaintedFaces(head, renderer, run.dataset.texture_size, renderer.backend)
        return lambda start: painted_batches(painter, run, start)
    faces = MaskedFaces(run.dataset.path, run.image_size, WHITE, run.dataset.mirror)
    _check_head(faces, run, head)
    if run.dataset.heads == "fitted":
        return lambda start: _loader(faces, run, head, start)
    heads = SampledHeads(run, faces, head, renderer)
    return lambda start: heads.batches(_loader(faces, run, head, start), start)


def _loader(faces: MaskedFaces, run: Run, head: HeadModel, start: int) -> DataLoader:
    return DataLoader(
        faces,
        batch_sampler=endless_batches(len(faces), run.batch_size, run.seed, start),
        num_workers=min(run.dataset.workers, os.cpu_count() or 1),
        pin_memory=head.v_template.is_cuda,
        collate_fn=collate,
    )


def _check_head(faces: MaskedFaces, run: Run, head: HeadModel) -> None:
    if faces.head != run.head.name:
        raise ValueError(f"head: {faces.head} is wanted by the data set {faces.path}, {run.head.name} was given")
    wanted, given = len(head.v_template), faces.sizes.get("vertices", [len(head.v_template)])[0]
    if wanted != given:
        raise ValueError(f"dataset.path: {wanted} vertices a head are wanted by {head.source}, {given} are in it")


class SampledHeads:
    """Photographs with heads that are in none of them: drawn from the distribution of the fits.

    A mask for such a head is what another image shows of its face, drawn on this one.
    """

    def __init__(self, run: Run, faces: MaskedFaces, head: HeadModel, renderer: Renderer) -> None:
        if "visibility" not in faces.sizes:
            raise ValueError(f"dataset.heads: {faces.path} does not say what its images show; use fitted")
        self.distribution = FitDistribution.load(Path(faces.path) / DISTRIBUTION)
        self.run, self.head, self.renderer = run, head, renderer

    def batches(self, batches: Iterable[FaceBatch], number: int) -> Iterator[FaceBatch]:
        """Give each batch other heads, cameras and masks; its images stay, on their background."""
        for batch in batches:
            yield self.exchange(batch, torch.Generator().manual_seed(self.run.seed * SEED_STEP + number))
            number += 1

    @torch.no_grad()
    def exchange(self, batch: FaceBatch, generator: torch.Generator) -> FaceBatch:
        """Put drawn heads into a batch."""
        device, count = self.head.v_template.device, len(batch.image)
        drawn = {name: part.to(device) for name, part in self.distribution.sample(count, generator).items()}
        camera = orthographic(drawn["scale"], drawn["translation"])
        if self.run.dataset.mirror:
            camera[:, 0] *= _signs(count, generator).to(device)
        shape, expression, pose, eye_pose = (drawn[name] for name in ("shape", "expression", "pose", "eye_pose"))
        vertices = self.head(shape, expression, pose, eye_pose=eye_pose)
        seen = shown_parts(batch.visibility[torch.randperm(count, generator=generator)].to(device))
        mask = self.renderer(vertices, seen, camera, self.run.image_size, 0.0).image
        mask = ((mask - 0.5) * SHARPER + 0.5).clamp(0, 1)
        neck_pose = torch.zeros(count, 3, device=device)
        return FaceBatch(batch.image.to(device), mask, shape, expression, pose, camera, neck_pose, eye_pose)


def shown_parts(visibility: Tensor) -> Tensor:
    """Turn how well a texture is seen [B, 1, U, U] into what of it is shown, a region without specks and small holes.

    Skin at a grazing angle is badly seen, but shown all the same; and an image's mask is smooth.
    """
    shown = (visibility > LEAST_VISIBLE).float()
    for sign in (1, -1):  # grown, then shrunk
        shown = sign * max_pool2d(sign * shown, 5, 1, 2)
    return avg_pool2d(shown, 5, 1, 2, count_include_pad=False)


def _signs(count: int, generator: torch.Generator) -> Tensor:
    """[count, 1] of 1 or -1."""
    return torch.randint(2, (count, 1), generator=generator) * 2.0 - 1


def painted_batches(painter: PaintedFaces, run: Run, start: int) -> Iterator[FaceBatch]:
    """Paint batches for ever, on the painter's device, from the one of a number on."""
    config = run.dataset
    each = max(1, min(config.chunk // run.batch_size, run.trainer.steps))  # batches a chunk
    number = start
    while True:
        generator = torch.Generator().manual_seed(run.seed * SEED_STEP + number // each)
        attributes = config.attributes or None
        count, zoom = each * run.batch_size, (1.0, config.max_zoom)
        painted = painter.sample(count, generator, run.image_size, config.max_yaw, WHITE, attributes, zoom=zoom)
        chunk = FaceBatch(
            composite(painted.image * 2 - 1, painted.mask, WHITE), painted.mask,
            painted.shape, painted.expression, painted.pose, painted.camera, painted.neck_pose, painted.eye_pose,
        )  # fmt: skip
        for place in range(number % each, each):
            yield chunk.select(slice(place * run.batch_size, (place + 1) * run.batch_size))
            number += 1
