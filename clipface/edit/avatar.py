"""The frozen half of an edit: codes to texture to image."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface.edit.mapper import Codes
from clipface.edit.people import People
from clipface.edit.regions import blend, edit_mask
from clipface.head import HeadModel
from clipface.head.mesh import head_hash, uv_map_hash
from clipface.render import Renderer
from clipface.texture.carry import Carrier
from clipface.texture.generator import TextureGenerator, memory_parts
from clipface.texture.linear import LinearTextures

FRONT_SCALE = 1.2


class Faces(NamedTuple):
    """Faces and where they are seen from; the views of one face lie together."""

    codes: Codes
    camera: Tensor  # [B·views, 4, 4]
    background: Tensor | None = None  # [B·views, 3, h, w] in 0..1, enlarged to the images; None: white


class Avatar(nn.Module):
    """A texture generator, a head and a renderer, all of them frozen."""

    def __init__(
        self,
        generator: TextureGenerator,
        head: HeadModel,
        renderer: Renderer,
        people: People | None = None,
        generator_sha256: str | None = None,
        linear: LinearTextures | None = None,
        carrier: Carrier | None = None,
        back: Carrier | None = None,
    ) -> None:
        """Freeze the parts.

        Args:
            generator: texture codes to textures.
            head: parameters to vertices.
            renderer: of this head's mesh.
            people: of the generator, from whom random faces are sampled; None: from N(0, I).
            generator_sha256: checksum of the generator's file, by which codes and edits know it; None: it has no file.
            linear: model whose coefficients are the first entries of the generator's z; None: it has none.
            carrier: to the head's UV map from that of a generator made for another head; None: it is made for this one.
            back: the carrier in the other direction, if there is one.
        """
        super().__init__()
        self.people, self.linear, self.carrier, self.back = people, linear, carrier, back
        self.generator, self.head, self.renderer = generator, head, renderer
        # What is kept in the notes of codes and edits made with it (`clipface.edit.origin`).
        self.origin = {"uv_map": uv_map_hash(head), "head_sha256": head_hash(head)}
        if generator_sha256 is not None:
            self.origin["generator_sha256"] = generator_sha256
        self._masks: dict[tuple[str, int], Tensor] = {}
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Avatar":
        """Stay in evaluation mode: a module that is trained switches all of its parts."""
        return super().train(False)

    def texture(self, w_plus: Tensor, size: int | None = None) -> Tensor:
        """Synthesize textures.

        Args:
            w_plus: codes [B, L, w_dim].
            size: R, a power of two: the generator's finer layers are left out. None, or more than its: its resolution.

        Returns:
            [B, 3, R, R] in 0..1. Gradient: none where a colour is cut off at 0 or 1.
        """
        kind = w_plus.device.type
        reduced = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        with torch.autocast(kind, enabled=False):  # the generator reduces precision itself, where it may
            codes = w_plus.float() if reduced else w_plus
            parts = [self.generator.synthesis(part, "const", reduced, size) for part in memory_parts(codes)]
            image = torch.cat(parts)
        image = (image.float() / 2 + 0.5).clamp(0, 1)
        return image if self.carrier is None else self.carrier(image)

    def on_generators_map(self, texture: Tensor) -> Tensor:
        """Textures [B, 3, R, R] in 0..1 of the head, where the generator would have them.

        What the head lacks is the generator's mean; nothing changes if the generator is made for this head.
        """
        if self.back is None:
            return texture
        share, size = self.back.sure_at(texture.shape[-1]).to(texture), texture.shape[-1]
        mean = self.generator.synthesis(self.generator.mapping.w_avg.expand(1, self.generator.levels, -1)) / 2 + 0.5
        mean = functional.interpolate(mean.clamp(0, 1), (size, size), mode="bilinear", align_corners=False)
        return share * self.back(texture) + (1 - share) * mean

    def face_texture(self, codes: Codes, size: int | None = None) -> Tensor:
        """Paint faces: the generator's textures, or the faces' own with what an edit changes in the generator's.

        Args:
            codes: of B faces.
            size: R, as in `texture`; None: the generator's, or that of the faces' own textures.

        Returns:
            [B, 3, R, R] in 0..1. Gradient: to the texture codes.
        """
        if codes.detail is None:
            return self.texture(codes.w_plus, size)
        detail = codes.detail.reduced(size)
        return detail.edited(codes.w_plus, partial(self.texture, size=size))

    def mask(self, region: str, size: int | None = None) -> Tensor:
        """Mask [1, R, R] of a region over textures of a size, or this generator's; made once (`edit.regions`)."""
        device, key = self.head.v_template.device, (region, size or self.generator.config["resolution"])
        if key not in self._masks:
            self._masks[key] = edit_mask(self.head, *key)
        self._masks[key] = self._masks[key].to(device)  # the avatar may have moved since
        return self._masks[key]

    def blend(self, before: Tensor, after: Tensor, region: str | None) -> Tensor:
        """Keep an edit's textures to a region.

        Args:
            before, after: [B, 3, R, R].
            region: `FaceMapper.region`; None: the whole texture.

        Returns:
            [B, 3, R, R], with the bits of `before` wherever the region's mask is 0. Gradient: to both.
        """
        return after if region is None else blend(before, after, self.mask(region, after.shape[-1]))

    def render(
        self, texture: Tensor | None, vertices: Tensor, camera: Tensor, size: int, background: Tensor | None = None
    ) -> Tensor:
        """Render heads, each from one view or from several.

        Args:
            texture: [B|1, 3, R, R] in 0..1, or None for the grey geometry.
            vertices: [B|1, V, 3] metres.
            camera: [B·views, 4, 4]; the views of one head lie together.
            size: side of the image, pixels.
            background: [B·views, 3, h, w] in 0..1, enlarged to the image; None: white.

        Returns:
            [B·views, 3, size, size] in 0..1. Gradient: to texture and vertices.
        """
        vertices = _each_view(vertices, len(camera))
        if texture is not None and len(texture) > 1:  # a single one is shared, not copied
            texture = _each_view(texture, len(camera))
        if background is not None:
            background = functional.interpolate(background, (size, size), mode="bilinear", align_corners=False)
        return self.renderer(vertices, texture, camera, size, 1.0 if background is None else background).image

    def vertices(self, codes: Codes) -> Tensor:
        """Vertices [B, V, 3] of faces, metres, in their own pose or at rest. Gradient: to shape and expression."""
        return self.head(codes.shape, codes.expression, codes.pose)

    def views(
        self, texture: Tensor | None, codes: Codes, camera: Tensor, size: int, background: Tensor | None = None
    ) -> Tensor:
        """Render faces in their own pose; arguments and result as in `render`, with one texture for each face."""
        return self.render(texture, self.vertices(codes), camera, size, background)


def _each_view(heads: Tensor, views: int) -> Tensor:
    """Repeat what belongs to a head, [B, ...], for each of its views, [views, ...]."""
    if views % len(heads):
        raise ValueError(f"camera: expected a multiple of {len(heads)} (heads), got {views}")
    return heads.repeat_interleave(views // len(heads), 0)
