"""Faces whose skin was baked from photographs: whole heads from all sides, which no photograph shows, and looks."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from clipface.data import FaceBatch, FitDistribution, composite
from clipface.data.textures import read_textures
from clipface.head import HeadModel
from clipface.render import Renderer
from clipface.render.uv import UVMap
from clipface.synthetic.attributes import Attributes, sample_attributes
from clipface.synthetic.face.skin import TONES
from clipface.synthetic.faces import random_cameras
from clipface.synthetic.identity import female_direction, sample_expression, sample_pose, sample_shape
from clipface.synthetic.looks.registry import attribute_vectors
from clipface.synthetic.painter import Painter

SHAPES = 100  # identity coefficients that vary where no distribution is known
BAKED_BRIGHTNESS = 0.85  # of the middle of a photographed face with its brows and nostrils, over its bare skin's


@dataclass
class BakedStyle:
    """What faces in baked textures are like."""

    texture_size: int
    max_yaw: float  # degrees, of most views
    zoom: tuple[float, float]  # least and largest size of the head in the image; 1 shows it whole
    blends: float  # share of faces whose skin is a blend of two people's
    painted: float  # share of faces with more paint than eyes and hair


class BakedFaces:
    """An endless source of heads in baked textures, some of them blends of two, some mirrored, eyes and hair painted.

    Args:
        folder: of textures (see clipface/data/textures.py).
        head: the textures are of its UV layout; everything is made on its device.
        renderer: of this head's mesh.
        heads: distribution that heads are sampled from; None: random ones, as painted faces have.
        style: what faces are like.

    Raises:
        FileNotFoundError, ValueError: if the folder is missing or holds something else.
    """

    def __init__(
        self, folder: str | Path, head: HeadModel, renderer: Renderer, heads: FitDistribution | None, style: BakedStyle
    ) -> None:
        self.head, self.renderer, self.heads, self.style = head, renderer, heads, style
        self.device = head.v_template.device
        textures = read_textures(folder, style.texture_size)[1]
        self.tones = nearest_tones(textures)
        self.textures = textures.to(self.device)
        self.painter = Painter(head, style.texture_size, renderer.backend)
        self.uv_map = UVMap(head, style.texture_size, renderer.backend)
        self.female = female_direction(head) if heads is None else None

    @torch.no_grad()
    def sample(self, count: int, seed: int, size: int, background: float) -> FaceBatch:
        """Render random faces, with masks of the whole head.

        Args:
            count: B.
            seed: of everything that is random.
            size: side of the images, pixels.
            background: grey value, in [-1, 1].
        """
        generator, rng = torch.Generator(self.device).manual_seed(seed), random.Random(seed)
        skin, rows = self.blend(count, generator)
        painted = [rng.random() < self.style.painted for _ in rows]
        faces = [
            sample_attributes(rng, {"skin": self.tones[row], "hair": "bald"}) if more else plain(self.tones[row], rng)
            for row, more in zip(rows.tolist(), painted, strict=True)
        ]
        texture = self.painter.paint(faces, generator, skin) * 2 - 1
        shape, expression, pose, neck_pose, eye_pose = self._heads(faces, generator, seed)
        camera = random_cameras(count, generator, self.style.max_yaw, self.style.zoom)
        vertices = self.head(shape, expression, pose, neck_pose, eye_pose)
        image, mask = self.renderer(vertices, texture, camera, size, background)
        # Composed with the mask once more, as every image is that a texture is rendered for.
        image = composite(image, mask, background)
        attributes = attribute_vectors(faces).to(self.device) * torch.tensor(painted, device=self.device)[:, None]
        return FaceBatch(image, mask, shape, expression, pose, camera, neck_pose, eye_pose, attribute_vector=attributes)

    def blend(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Textures [count, 3, R, R] in 0..1, and the row of the texture that each mostly is, [count]."""
        rows = torch.randint(len(self.textures), (2, count), generator=generator, device=self.device)
        first, second = (self._mirrored(row, generator) for row in rows)
        # Between two people, and seldom half and half, where details of both would be faint.
        share = torch.rand(count, generator=generator, device=self.device).square() / 2
        blended = torch.rand(count, generator=generator, device=self.device) < self.style.blends
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
        heads = self.heads.sample(count, torch.Generator().manual_seed(seed))
        pose[:, 3:] = heads["pose"][:, 3:].to(self.device)  # the jaw; where the head looks, the camera says
        return heads["shape"].to(self.device), heads["expression"].to(self.device), pose, neck_pose, eye_pose


def plain(tone: str, rng: random.Random) -> Attributes:
    """The least that is painted over a skin: hair and eyes that go with its tone."""
    face = sample_attributes(rng, {"skin": tone, "look": "none", "age": "adult", "hair": "bald"})
    return replace(
        face, beard="none", moustache=False, freckles=False, wrinkles=False, tired=False, scar=False,
        makeup="none", lipstick="none",
    )  # fmt: skip


def nearest_tones(textures: Tensor) -> list[str]:
    """The painter's tone that is nearest to each skin [N, 3, R, R] uint8, by the brightness of its middle."""
    size = textures.shape[-1]
    middle = textures[..., size // 5 : size * 7 // 10, size // 3 : size * 2 // 3].float().mean((1, 2, 3)) / 255
    known = torch.tensor([sum(colour) / 3 * BAKED_BRIGHTNESS for colour in TONES.values()], device=textures.device)
    names = list(TONES)
    return [names[row] for row in (middle[:, None] - known).abs().argmin(1).tolist()]
