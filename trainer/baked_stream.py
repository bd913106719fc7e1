"""Faces whose textures were baked from photographs: whole heads from all sides, which no photograph shows.

Batch number k is the same in every run with the same seed.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from clipface.data import FaceBatch, FitDistribution, composite
from clipface.fit.chart import Chart
from clipface.head import HeadModel
from clipface.render import Renderer
from clipface.synthetic.attributes import sample_attributes
from clipface.synthetic.faces import random_cameras
from clipface.synthetic.identity import female_direction, sample_expression, sample_pose, sample_shape

SEED_STEP = 1_000_003  # between the seeds of two chunks
SEED_OFFSET = 500_009  # of the mixing, from those of chunks
SHAPES = 100  # identity coefficients that vary where no distribution is known


class BakedFaces:
    """An endless source of heads that wear baked textures, some of them blends of two, some mirrored.

    Args:
        path: `.npz` or `.safetensors` with `textures` [N, 3, R, R] uint8.
        head: the textures are of its chart; everything is made on its device.
        renderer: of this head's mesh.
        heads: distribution that heads are drawn from; None: random ones, as painted faces have.
        max_yaw: most views lie within this, degrees.
        zoom: least and largest size of the head in the picture; 1 shows it whole.
        blends: share of faces whose texture is a blend of two people's.

    Raises:
        FileNotFoundError, ValueError: if the file is missing or holds something else.
    """

    def __init__(
        self,
        path: str | Path,
        head: HeadModel,
        renderer: Renderer,
        heads: FitDistribution | None,
        max_yaw: float,
        zoom: tuple[float, float],
        blends: float,
    ) -> None:
        self.head, self.renderer, self.heads = head, renderer, heads
        self.max_yaw, self.zoom, self.blends = max_yaw, zoom, blends
        self.device = head.v_template.device
        self.textures = read_textures(path).to(self.device)
        chart = Chart(head, self.textures.shape[-1], renderer.backend)
        mirror = chart.mirror[chart.nearest]
        self.mirror = torch.where(mirror < 0, torch.arange(len(mirror), device=mirror.device), mirror)
        self.female = female_direction(head) if heads is None else None

    @torch.no_grad()
    def sample(self, count: int, seed: int, size: int, background: float) -> FaceBatch:
        """Draw faces, with masks of the whole head; `size` in pixels, `background` in [-1, 1]."""
        generator = torch.Generator(self.device).manual_seed(seed)
        texture = self.blend(count, generator)
        shape, expression, pose, neck_pose, eye_pose = self._heads(count, generator, seed)
        camera = random_cameras(count, generator, self.max_yaw, self.zoom)
        vertices = self.head(shape, expression, pose, neck_pose, eye_pose)
        image, mask = self.renderer(vertices, texture, camera, size, background)
        # Composed with the mask once more, as every picture is that a texture is drawn for.
        return FaceBatch(composite(image, mask, background), mask, shape, expression, pose, camera, neck_pose, eye_pose)

    def blend(self, count: int, generator: torch.Generator) -> Tensor:
        """Textures [count, 3, R, R] in [-1, 1]."""
        first, second = (
            self._mirrored(
                torch.randint(len(self.textures), (count,), generator=generator, device=self.device), generator
            )
            for _ in range(2)
        )
        # Between two people, and seldom half and half, where details of both would be faint.
        share = torch.rand(count, generator=generator, device=self.device).square() / 2
        blended = torch.rand(count, generator=generator, device=self.device) < self.blends
        return torch.lerp(first, second, (share * blended)[:, None, None, None]) / 127.5 - 1

    def _mirrored(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        textures = self.textures[rows].float()
        flip = torch.rand(len(rows), generator=generator, device=self.device) < 0.5
        other = textures.flatten(2)[..., self.mirror].view_as(textures)
        return torch.where(flip[:, None, None, None], other, textures)

    def _heads(self, count: int, generator: torch.Generator, seed: int) -> tuple[Tensor, ...]:
        neck_pose, eye_pose = sample_pose(count, generator, self.device)
        pose = torch.zeros(count, 6, device=self.device)
        if self.heads is None:
            faces = [sample_attributes(random.Random(seed + row)) for row in range(count)]
            shape = sample_shape(faces, min(SHAPES, self.head.n_shape), self.female, generator)
            return shape, sample_expression(faces, self.head, generator), pose, neck_pose, eye_pose
        drawn = self.heads.sample(count, torch.Generator().manual_seed(seed))
        pose[:, 3:] = drawn["pose"][:, 3:].to(self.device)  # the jaw; where the head looks, the camera says
        return *(drawn[name].to(self.device) for name in ("shape", "expression")), pose, neck_pose, eye_pose


def read_textures(path: str | Path) -> Tensor:
    """Read `textures` [N, 3, R, R] uint8 from an `.npz` or `.safetensors` file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"dataset.baked: {path} does not exist; scripts/bake_texture.py writes baked textures")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                textures = torch.from_numpy(arrays["textures"])
        else:
            textures = load_file(path)["textures"]
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"dataset.baked: {path} is cut off or holds no `textures` ({error!r})") from error
    if textures.ndim != 4 or textures.shape[1] != 3 or textures.dtype != torch.uint8 or not len(textures):
        raise ValueError(
            f"dataset.baked: textures [N, 3, R, R] uint8 are wanted, {path} holds {tuple(textures.shape)} "
            f"{textures.dtype}"
        )
    return textures


def baked_batches(
    baked: BakedFaces, batch_size: int, chunk: int, seed: int, size: int, background: float, start: int
) -> Iterator[FaceBatch]:
    """Batches for ever, from the one of a number on; many are drawn at once, since each drawing has a fixed cost."""
    each, number = max(1, chunk // batch_size), start
    while True:
        faces = baked.sample(each * batch_size, seed * SEED_STEP + number // each, size, background)
        for place in range(number % each, each):
            yield faces.select(slice(place * batch_size, (place + 1) * batch_size))
            number += 1


def mixed(
    first: Iterable[FaceBatch],
    second: Iterable[FaceBatch],
    vertices: Callable[[FaceBatch], Tensor],
    seed: int,
    start: int,
    device: torch.device,
) -> Iterator[FaceBatch]:
    """Batches of two sources as one, in an order that is shuffled but the same in every run.

    Shuffled, since penalties look at the beginning of a batch, and its statistics at pictures that are far apart in it.

    Args:
        first, second: batches from the one of number `start` on.
        vertices: of a batch's heads, for a source that has parameters where the other has vertices.
        seed: of the order.
        start: number of the first batch.
        device: of the result.
    """
    for number, (one, other) in enumerate(zip(first, second, strict=False), start):
        pair = [to_device(batch, device) for batch in (one, other)]
        if any(batch.vertices is not None for batch in pair):
            pair = [b if b.vertices is not None else b._replace(vertices=vertices(b)) for b in pair]
        joined = FaceBatch(*(_joined(parts) for parts in zip(*pair, strict=True)))
        order = torch.randperm(
            len(joined.camera), generator=torch.Generator(device).manual_seed(seed * SEED_STEP + SEED_OFFSET + number),
            device=device,
        )  # fmt: skip
        yield joined.select(order)


def to_device(batch: FaceBatch, device: torch.device) -> FaceBatch:
    """A batch on another device."""
    return FaceBatch(*(None if part is None else part.to(device, non_blocking=True) for part in batch))


def _joined(parts: tuple[Tensor | None, Tensor | None]) -> Tensor | None:
    """Both parts as one; shorter rows of coefficients are filled up with zeros, what only one has is left out."""
    if any(part is None for part in parts):
        return None
    if parts[0].ndim == 2:
        longest = max(part.shape[1] for part in parts)
        parts = [F.pad(part, (0, longest - part.shape[1])) for part in parts]
    return torch.cat(list(parts))
