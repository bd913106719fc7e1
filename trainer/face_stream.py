"""Endless batches of faces for the texture generator: painted ones, or a data set folder.

Batch number k is the same in every run with the same seed, so a resumed run goes on where the first one stopped.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader

from clipface.data import FaceBatch, MaskedFaces, composite, endless_batches
from clipface.head import HeadModel
from clipface.render import Renderer
from clipface.synthetic import PaintedFaces
from trainer.run import TrainerConfig, register

BACKGROUND = 1.0  # white, in [-1, 1]: of photographs, painted faces and renders alike


@dataclass
class PaintedConfig:
    """Faces painted while training, on the training device."""

    texture_size: int = 256
    max_yaw: float = 45.0  # degrees
    max_zoom: float = 1.4  # of the views; 1 shows the whole head
    chunk: int = 256  # faces painted at once, since a painting has a fixed cost; never more than the run draws
    attributes: dict[str, Any] = field(default_factory=dict)  # that every face shall have, for instance {look: none}


@dataclass
class FolderConfig:
    """Faces of a data set folder (see clipface/data/faces.py)."""

    path: str | None = None
    workers: int = 4  # processes that read pictures; 0: none but the trainer's own


class Run(Protocol):
    """What of a run's configuration matters here."""

    dataset: PaintedConfig | FolderConfig
    batch_size: int
    image_size: int
    seed: int
    trainer: TrainerConfig


register("painted_schema", PaintedConfig, group="dataset")
register("folder_schema", FolderConfig, group="dataset")


def open_faces(run: Run, head: HeadModel, renderer: Renderer) -> Callable[[int], Iterable[FaceBatch]]:
    """Open the faces that a run trains on.

    Args:
        run: its configuration.
        head: painted faces are made for it, on its device.
        renderer: of this head's mesh.

    Returns:
        A function from the number of a batch to endless batches from that one on.

    Raises:
        FileNotFoundError, ValueError: if the data set folder is not given, missing or damaged.
    """
    if isinstance(run.dataset, PaintedConfig):
        painter = PaintedFaces(head, renderer, run.dataset.texture_size, renderer.backend)
        return lambda start: painted_batches(painter, run, start)
    if run.dataset.path is None:
        raise ValueError("dataset.path: the folder of a data set is wanted, none was given; use dataset.path=...")
    faces = MaskedFaces(run.dataset.path, run.image_size, BACKGROUND)
    return lambda start: DataLoader(
        faces,
        batch_sampler=endless_batches(len(faces), run.batch_size, run.seed, start),
        num_workers=run.dataset.workers,
        pin_memory=head.v_template.is_cuda,
    )


def painted_batches(painter: PaintedFaces, run: Run, start: int) -> Iterator[FaceBatch]:
    """Paint batches for ever, on the painter's device, from the one of a number on."""
    config = run.dataset
    each = max(1, min(config.chunk // run.batch_size, run.trainer.steps))  # batches a chunk
    number = start
    while True:
        generator = torch.Generator().manual_seed(run.seed * 1_000_003 + number // each)
        # The painter's white is 1 in 0..1.
        white, attributes = (BACKGROUND + 1) / 2, config.attributes or None
        count, zoom = each * run.batch_size, (1.0, config.max_zoom)
        painted = painter.sample(count, generator, run.image_size, config.max_yaw, white, attributes, zoom=zoom)
        chunk = FaceBatch(
            composite(painted.image * 2 - 1, painted.mask, BACKGROUND), painted.mask,
            painted.shape, painted.expression, painted.pose, painted.camera, painted.neck_pose, painted.eye_pose,
        )  # fmt: skip
        for place in range(number % each, each):
            yield FaceBatch(*(part[place * run.batch_size : (place + 1) * run.batch_size] for part in chunk))
            number += 1
