"""Painted faces: images with known attributes, captions, heads and textures, made in batches on any device."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.head import HeadModel
from clipface.render.backgrounds import soft_backgrounds
from clipface.render.camera import view
from clipface.render.renderer import Renderer
from clipface.synthetic.attributes import Attributes, sample_attributes
from clipface.synthetic.identity import female_direction, sample_expression, sample_pose, sample_shape
from clipface.synthetic.painter import Painter
from clipface.synthetic.words.captions import captions

_SHAPES = 300  # identity coefficients that vary
_PITCH_SHARE = 0.45  # pitch varies less than yaw
_JITTER = 0.05


class PaintedBatch(NamedTuple):
    """A batch of painted faces; row 0 of images is the top.

    Attributes:
        image: [B, 3, H, W] in 0..1, on its background. mask: [B, 1, H, W], 1 on the head.
        texture: [B, 3, R, R] in 0..1. captions: one for each. attributes: what was asked for.
        shape: [B, S], expression: [B, E], pose: [B, 6], neck_pose: [B, 3], eye_pose: [B, 6]: the head's parameters.
        camera: [B, 4, 4].
    """

    image: Tensor
    mask: Tensor
    texture: Tensor
    captions: list[str]
    attributes: list[Attributes]
    shape: Tensor
    expression: Tensor
    pose: Tensor
    neck_pose: Tensor
    eye_pose: Tensor
    camera: Tensor


class PaintedFaces:
    """An endless source of painted faces.

    Args:
        head: the head to paint on; images are made on its device.
        renderer: of that head, on the same device.
        texture_size: R, texels a side.
        backend: rasteriser used once, for baking the head's maps.
    """

    def __init__(self, head: HeadModel, renderer: Renderer, texture_size: int = 256, backend: str = "warp") -> None:
        self.head, self.renderer = head, renderer
        self.device = head.v_template.device
        self.painter = Painter(head, texture_size, backend)
        with torch.no_grad():
            self.female = female_direction(head)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        generator: torch.Generator,
        size: int = 128,
        max_yaw: float = 30.0,
        background: float | Tensor | str = "random",
        attributes: Mapping[str, object] | Sequence[Attributes] | None = None,
        base: Tensor | None = None,
        zoom: tuple[float, float] = (1.0, 1.0),
    ) -> PaintedBatch:
        """Sample attributes, heads and cameras, paint the textures and render the images.

        Args:
            n: how many.
            generator: source of all randomness, on any device: the same state gives the same batch on the same device.
            size: side of the images, pixels.
            max_yaw: most views lie within this, degrees; one in ten up to half as far again. 0 gives frontal views.
            background: "random" for colours and soft shapes, a number for plain grey, or anything the renderer takes.
            attributes: values that every face shall have (`{"look": "zombie"}`), or all n faces in full.
            base: [n, 3, R, R] textures to paint over instead of painted ones.
            zoom: least and largest size of the head in the image; 1 shows all of it.
        """
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device))
        words, source = random.Random(seed), torch.Generator(self.device).manual_seed(seed)
        if base is not None and not isinstance(attributes, Sequence):
            attributes = {"hair": "bald", **(attributes or {})}  # heads with photographed skin have no painted caps
        faces = _faces(n, words, attributes)
        texture = self.painter.paint(faces, source, base)
        shape = sample_shape(faces, min(_SHAPES, self.head.n_shape), self.female, source)
        expression = sample_expression(faces, self.head, source)
        neck_pose, eye_pose = sample_pose(n, source, self.device)
        pose = torch.zeros(n, 6, device=self.device)
        vertices = self.head(shape, expression, pose, neck_pose, eye_pose)
        camera = random_cameras(n, source, max_yaw, zoom)
        if isinstance(background, str):
            background = soft_backgrounds(n, size, source)
        image, mask = self.renderer(vertices, texture, camera, size, background)
        said = captions(faces, words)
        return PaintedBatch(image, mask, texture, said, faces, shape, expression, pose, neck_pose, eye_pose, camera)


def _faces(n: int, words: random.Random, given: Mapping[str, object] | Sequence[Attributes] | None) -> list[Attributes]:
    if given is None or isinstance(given, Mapping):
        return [sample_attributes(words, given) for _ in range(n)]
    if len(given) != n:
        raise ValueError(f"attributes: expected {n} faces, as many as n, got {len(given)}")
    return list(given)


def random_cameras(n: int, generator: torch.Generator, max_yaw: float, zoom: tuple[float, float]) -> Tensor:
    """Cameras [n, 4, 4] around the head, denser in front; size and place vary by a twentieth."""
    uniform = torch.rand(7, n, generator=generator, device=generator.device) * 2 - 1
    far = 1 + 0.5 * (uniform[5] > 0.8)
    yaw, pitch = uniform[0] * max_yaw * far, uniform[1] * max_yaw * _PITCH_SHARE
    size = torch.exp(uniform[2] * 1.5 * _JITTER).mul_(zoom[0] + (zoom[1] - zoom[0]) * (uniform[6] + 1) / 2)
    return view(yaw, pitch, size, uniform[3:5].T * _JITTER)
