"""Faces whose skin was baked from photographs: whole heads from all sides, which no photograph shows, and looks.

Batch number k is the same in every run with the same seed.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface.data import FaceBatch, FitDistribution, composite
from clipface.data.textures import read_textures
from clipface.head import HeadModel
from clipface.render import Renderer
from clipface.render.uv import UVMap
from clipface.synthetic.attribute_vector import OPTIONS, attribute_vectors
from clipface.synthetic.attributes import Attributes, sample_attributes
from clipface.synthetic.face.skin import TONES
from clipface.synthetic.faces import random_cameras
from clipface.synthetic.identity import female_direction, sample_expression, sample_pose, sample_shape
from clipface.synthetic.painter import Painter

SEED_STEP = 1_000_003  # between the seeds of two chunks
SEED_OFFSET = 500_009  # of the mixing, from those of chunks
SHAPES = 100  # identity coefficients that vary where no distribution is known
BAKED_BRIGHTNESS = 0.85  # of the middle of a photographed face with its brows and nostrils, over its bare skin's


@dataclass
class Look:
    """What faces in baked textures are like: `painted` is the share with more paint than eyes and hair."""

    texture_size: int
    max_yaw: float  # degrees, of most views
    zoom: tuple[float, float]  # least and largest size of the head in the image; 1 shows it whole
    blends: float  # share of faces whose skin is a blend of two people's
    painted: float


class BakedFaces:
    """An endless source of heads in baked textures, some of them blends of two, some mirrored, with eyes and hair painted.

    Args:
        folder: of textures (see clipface/data/textures.py).
        head: the textures are of its chart; everything is made on its device.
        renderer: of this head's mesh.
        heads: distribution that heads are drawn from; None: random ones, as painted faces have.
        look: what faces shall be like.

    Raises:
        FileNotFoundError, ValueError: if the folder is missing or holds something else.
    """

    def __init__(
        self, folder: str | Path, head: HeadModel, renderer: Renderer, heads: FitDistribution | None, look: Look
    ) -> None:
        self.head, self.renderer, self.heads, self.look = head, renderer, heads, look
        self.device = head.v_template.device
        textures = read_textures(folder, look.texture_size)[1]
        self.tones = nearest_tones(textures)
        self.textures = textures.to(self.device)
        self.painter = Painter(head, look.texture_size, renderer.backend)
        self.uv_map = UVMap(head, look.texture_size, renderer.backend)
        self.female = female_direction(head) if heads is None else None

    @torch.no_grad()
    def sample(self, count: int, seed: int, size: int, background: float) -> FaceBatch:
        """Draw faces, with masks of the whole head; `size` in pixels, `background` in [-1, 1]."""
        generator, rng = torch.Generator(self.device).manual_seed(seed), random.Random(seed)
        skin, rows = self.blend(count, generator)
        painted = [rng.random() < self.look.painted for _ in rows]
        faces = [
            sample_attributes(rng, {"skin": self.tones[row]}) if more else plain(self.tones[row], rng)
            for row, more in zip(rows.tolist(), painted, strict=True)
        ]
        texture = self.painter.paint(faces, generator, skin) * 2 - 1
        shape, expression, pose, neck_pose, eye_pose = self._heads(faces, generator, seed)
        camera = random_cameras(count, generator, self.look.max_yaw, self.look.zoom)
        vertices = self.head(shape, expression, pose, neck_pose, eye_pose)
        image, mask = self.renderer(vertices, texture, camera, size, background)
        # Composed with the mask once more, as every image is that a texture is drawn for.
        image = composite(image, mask, background)
        attribute_vector = attribute_vectors(faces).to(self.device) * torch.tensor(painted, device=self.device)[:, None]
        return FaceBatch(image, mask, shape, expression, pose, camera, neck_pose, eye_pose, attribute_vector=attribute_vector)

    def blend(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """LabelledTextures [count, 3, R, R] in 0..1, and whose each mostly is [count]."""
        rows = torch.randint(len(self.textures), (2, count), generator=generator, device=self.device)
        first, second = (self._mirrored(row, generator) for row in rows)
        # Between two people, and seldom half and half, where details of both would be faint.
        share = torch.rand(count, generator=generator, device=self.device).square() / 2
        blended = torch.rand(count, generator=generator, device=self.device) < self.look.blends
        return torch.lerp(first, second, (share * blended)[:, None, None, None]) / 255, rows[0]

    def _mirrored(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        textures = self.textures[rows].float()
        flip = torch.rand(len(rows), generator=generator, device=self.device) < 0.5
        return torch.where(flip[:, None, None, None], self.uv_map.mirrored(textures), textures)

    def _heads(self, faces: list[Attributes], generator: torch.Generator, seed: int) -> tuple[Tensor, ...]:
        count = len(faces)
        neck_pose, eye_pose = sample_pose(count, generator, self.device)
        pose = torch.zeros(count, 6, device=self.device)
        if self.heads is None:
            shape = sample_shape(faces, min(SHAPES, self.head.n_shape), self.female, generator)
            return shape, sample_expression(faces, self.head, generator), pose, neck_pose, eye_pose
        drawn = self.heads.sample(count, torch.Generator().manual_seed(seed))
        pose[:, 3:] = drawn["pose"][:, 3:].to(self.device)  # the jaw; where the head looks, the camera says
        return *(drawn[name].to(self.device) for name in ("shape", "expression")), pose, neck_pose, eye_pose


def plain(tone: str, rng: random.Random) -> Attributes:
    """What is painted over a skin at least: hair and eyes that go with its tone."""
    drawn = sample_attributes(rng, {"skin": tone, "look": "none", "age": "adult"})
    return replace(
        drawn, beard="none", moustache=False, freckles=False, wrinkles=False, tired=False, scar=False,
        makeup="none", lipstick="none",
    )  # fmt: skip


def nearest_tones(textures: Tensor) -> list[str]:
    """The painter's tone that is nearest to each skin [N, 3, R, R] uint8, by the brightness of its middle."""
    size = textures.shape[-1]
    middle = textures[..., size // 5 : size * 7 // 10, size // 3 : size * 2 // 3].float().mean((1, 2, 3)) / 255
    known = torch.tensor([sum(colour) / 3 * BAKED_BRIGHTNESS for colour in TONES.values()], device=textures.device)
    names = list(TONES)
    return [names[row] for row in (middle[:, None] - known).abs().argmin(1).tolist()]


def baked_batches(
    baked: BakedFaces, batch_size: int, chunk: int, repeats: int, seed: int, size: int, background: float, start: int
) -> Iterator[FaceBatch]:
    """Batches for ever, from the one of a number on.

    Many faces are drawn at once, since each drawing has a fixed cost, and come `repeats` times, each time in another
    order, before others are drawn: painting costs more than a look at what was painted.
    """
    each = max(1, chunk // batch_size)
    number, drawn, faces = start, None, None
    while True:
        turn, place = divmod(number, each)
        if turn // repeats != drawn:
            drawn = turn // repeats
            faces = baked.sample(each * batch_size, seed * SEED_STEP + drawn, size, background)
        generator = torch.Generator(baked.device).manual_seed(seed * SEED_STEP + turn)
        order = torch.randperm(each * batch_size, generator=generator, device=baked.device)
        yield faces.select(order[place * batch_size : (place + 1) * batch_size])
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

    Shuffled, since penalties look at the beginning of a batch, and its statistics at images that are far apart in it.

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
        pair = [b if b.attribute_vector is not None else b._replace(attribute_vector=b.mask.new_zeros(len(b.mask), len(OPTIONS))) for b in pair]
        pair = [b._replace(photographed=b.camera.new_full((len(b.camera),), 1.0 - n)) for n, b in enumerate(pair)]
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
