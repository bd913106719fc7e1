"""Endless batches of faces: a data set's photographs, painted faces, and heads in baked textures mixed in.

Batch number k is the same in every run with the same seed, so a resumed run goes on where the first one stopped.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from clipface.data import FaceBatch, FitDistribution, MaskedFaces, collate, composite, endless_batches
from clipface.data.shards import DISTRIBUTION
from clipface.head import HeadModel
from clipface.render import Renderer
from clipface.render.backgrounds import WHITE
from clipface.settings import SEED_STRIDE
from clipface.synthetic import PaintedFaces
from clipface.synthetic.baked_faces import BakedFaces, BakedStyle
from clipface.synthetic.looks.registry import OPTIONS
from trainer.texture_gan.config import TextureGANConfig
from trainer.texture_gan.views import SampledHeads, head_vertices

MIX_SEED = 500_009  # keeps the seeds of mixing apart from those of chunks

Batches = Callable[[int], Iterable[FaceBatch]]  # from the number of a batch to endless batches from that one on


def open_faces(config: TextureGANConfig, head: HeadModel, renderer: Renderer) -> Batches:
    """Open the faces that a run trains on.

    Args:
        config: the run's.
        head: parameters to vertices; painted faces are made for it, on its device.
        renderer: of this head's mesh.

    Raises:
        FileNotFoundError, ValueError: if the data set folder is missing, damaged, or was made for another head.
    """
    dataset = config.dataset
    if not dataset.textures:
        return _open_one(config, head, renderer)
    count = max(1, round(config.batch_size * dataset.textures_share))
    heads = FitDistribution.load(Path(dataset.path) / DISTRIBUTION) if dataset.path else None
    style = BakedStyle(dataset.texture_size, dataset.max_yaw, (1.0, dataset.max_zoom), dataset.blends, dataset.painted)
    faces = BakedFaces(dataset.textures, head, renderer, heads, style)
    baked = replace(config, batch_size=count)
    if count == config.batch_size:
        return lambda start: baked_batches(faces, baked, start)
    others = _open_one(replace(config, batch_size=config.batch_size - count), head, renderer)
    return lambda start: mixed(others(start), baked_batches(faces, baked, start), head, config.seed, start)


def _open_one(config: TextureGANConfig, head: HeadModel, renderer: Renderer) -> Batches:
    """Batches of one source: the data set, or else painted faces."""
    dataset = config.dataset
    if dataset.path is None:
        painter = PaintedFaces(head, renderer, dataset.texture_size, renderer.backend)
        return lambda start: painted_batches(painter, config, start)
    faces = MaskedFaces(dataset.path, config.image_size, WHITE, dataset.mirror, dataset.match)
    _check_head(faces, config, head)
    if dataset.heads == "fitted":
        return lambda start: _loader(faces, config, head, start)
    heads = SampledHeads(config, faces, head, renderer)
    return lambda start: heads.batches(_loader(faces, config, head, start), start)


def _loader(faces: MaskedFaces, config: TextureGANConfig, head: HeadModel, start: int) -> DataLoader:
    return DataLoader(
        faces,
        batch_sampler=endless_batches(len(faces), config.batch_size, config.seed, start),
        num_workers=min(config.dataset.workers, os.cpu_count() or 1),
        pin_memory=head.v_template.is_cuda,
        collate_fn=collate,
    )


def _check_head(faces: MaskedFaces, config: TextureGANConfig, head: HeadModel) -> None:
    if faces.head != config.head.name:
        raise ValueError(
            f"head: expected {faces.head}, as in the data set {faces.path}, got {config.head.name}; "
            f"use head={faces.head} or another data set"
        )
    expected = len(head.v_template)
    found = faces.sizes.get("vertices", [expected])[0]
    if found != expected:
        raise ValueError(
            f"dataset.path: expected {expected} vertices a head, as {head.source} has, got {found} in {faces.path}"
        )


def painted_batches(painter: PaintedFaces, config: TextureGANConfig, start: int) -> Iterator[FaceBatch]:
    """Paint batches without end, on the painter's device, from number `start` on."""
    dataset, number = config.dataset, start
    each = max(1, min(dataset.chunk // config.batch_size, config.trainer.steps))  # batches a chunk
    while True:
        generator = torch.Generator().manual_seed(config.seed * SEED_STRIDE + number // each)
        attributes = dataset.attributes or None
        count, zoom = each * config.batch_size, (1.0, dataset.max_zoom)
        painted = painter.sample(count, generator, config.image_size, dataset.max_yaw, WHITE, attributes, zoom=zoom)
        parts = {name: part for name, part in painted._asdict().items() if name in FaceBatch._fields}
        chunk = FaceBatch(**parts | {"image": composite(painted.image * 2 - 1, painted.mask, WHITE)})
        for place in range(number % each, each):
            yield chunk.select(slice(place * config.batch_size, (place + 1) * config.batch_size))
            number += 1


def baked_batches(baked: BakedFaces, config: TextureGANConfig, start: int) -> Iterator[FaceBatch]:
    """Render batches of baked faces without end, from number `start` on.

    Many faces are sampled at once, since each call has a fixed cost, and come `repeats` times, each time in another
    order, before others are: painting costs more than training on what was painted.
    """
    dataset, size = config.dataset, config.batch_size
    each = max(1, dataset.chunk // size)  # batches a chunk
    number, current, faces = start, None, None
    while True:
        turn, place = divmod(number, each)
        if turn // dataset.repeats != current:
            current = turn // dataset.repeats
            faces = baked.sample(each * size, config.seed * SEED_STRIDE + current, config.image_size, WHITE)
        order = _permutation(each * size, config.seed * SEED_STRIDE + turn, baked.device)
        yield faces.select(order[place * size : (place + 1) * size])
        number += 1


def mixed(
    photographs: Iterable[FaceBatch], baked: Iterable[FaceBatch], head: HeadModel, seed: int, start: int
) -> Iterator[FaceBatch]:
    """Join batches of two sources, on the head's device, in an order that is shuffled but the same in every run.

    Shuffled, since penalties look at the beginning of a batch, and minibatch statistics at images far apart in it.

    Args:
        photographs, baked: batches from number `start` on; the result's `photographed` is 1 for the first.
        head: gives vertices where only one source has them.
        seed: of the order.
        start: number of the first batch.
    """
    device = head.v_template.device
    for number, pair in enumerate(zip(photographs, baked, strict=False), start):
        pair = [batch.to(device) for batch in pair]
        if any(batch.vertices is not None for batch in pair):
            pair = [batch._replace(vertices=head_vertices(head, batch)) for batch in pair]
        if pair[0].attribute_vector is None:
            nothing = pair[0].mask.new_zeros(len(pair[0].mask), len(OPTIONS))
            pair[0] = pair[0]._replace(attribute_vector=nothing)
        pair = [b._replace(photographed=b.camera.new_full((len(b.camera),), 1.0 - n)) for n, b in enumerate(pair)]
        joined = FaceBatch(*(_joined(parts) for parts in zip(*pair, strict=True)))
        yield joined.select(_permutation(len(joined.camera), seed * SEED_STRIDE + MIX_SEED + number, device))


def _permutation(count: int, seed: int, device: torch.device) -> Tensor:
    return torch.randperm(count, generator=torch.Generator(device).manual_seed(seed), device=device)


def _joined(parts: tuple[Tensor | None, Tensor | None]) -> Tensor | None:
    """Both parts as one; shorter rows of coefficients are filled up with zeros, what only one has is left out."""
    if any(part is None for part in parts):
        return None
    if parts[0].ndim == 2:
        longest = max(part.shape[1] for part in parts)
        parts = [F.pad(part, (0, longest - part.shape[1])) for part in parts]
    return torch.cat(list(parts))


def prefetched(batches: Iterable[FaceBatch], device: torch.device) -> Iterator[FaceBatch]:
    """Give batches on the device, copying each while the one before it is trained on.

    Args:
        batches: on the CPU, best in pinned memory, or on the device already.
        device: a CUDA device; with any other the batches stay as they are.
    """
    if device.type != "cuda":
        yield from batches
        return
    stream, ahead = torch.cuda.Stream(device), None
    for batch in batches:
        stream.wait_stream(torch.cuda.current_stream(device))  # a batch made on the device may still be in the making
        with torch.cuda.stream(stream):
            batch = batch.to(device)
            ready = stream.record_event()
        if ahead is not None:
            yield _received(*ahead)
        ahead = batch, ready
    if ahead is not None:
        yield _received(*ahead)


def _received(batch: FaceBatch, ready: torch.cuda.Event) -> FaceBatch:
    current = torch.cuda.current_stream()
    current.wait_event(ready)
    for part in batch:
        if part is not None:
            part.record_stream(current)  # or the memory could be given to the next copy while it is still in use
    return batch
