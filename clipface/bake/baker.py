"""From images to textures: which texels an image shows, in which colours, and under which light."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface.bake.head_fit import HeadFit, fit_light, shading
from clipface.head import HeadModel
from clipface.render.camera import DEPTH_SQUEEZE, project
from clipface.render.rasterize import interface
from clipface.render.renderer import Renderer
from clipface.render.shading import vertex_normals
from clipface.render.uv import UVMap
from clipface.shapes import expect

DEPTH_TOLERANCE = 0.002  # metres behind the nearest surface at which a point still counts as visible
LIGHT_TEXELS = 4000  # enough to fit 27 numbers
LEAST_LIGHT = 0.6  # of the mean: more than this is not taken out, for what the light cannot explain would be blown up
# Of a crop as large as the texture, on the face, whose features have more texels than the rest of the open head.
PIXELS_A_TEXEL = 0.64
GRAZING, HEAD_ON = 0.15, 0.55  # cosines to the viewer between which the weight rises from 0 to 1


class Baked(NamedTuple):
    """What images show of the texture: `texture` [B, 3, R, R] in 0..1 and `weight` [B, 1, R, R] in 0..1, how well."""

    texture: Tensor
    weight: Tensor

    @property
    def mean_colour(self) -> Tensor:
        """[B, 3, 1, 1] mean colour of each texture over its visible texels."""
        total = self.weight.sum((2, 3), keepdim=True).clamp_min(1e-6)
        return ((self.texture * self.weight).sum((2, 3), keepdim=True) / total).clamp_min(1e-3)

    def select(self, rows: slice) -> "Baked":
        """Some textures of the batch."""
        return Baked(self.texture[rows], self.weight[rows])


def vertices_of(head: nn.Module, fit: HeadFit) -> Tensor:
    """[B, V, 3] vertices of fitted heads, metres."""
    return head(fit.shape, fit.expression, fit.pose, None, fit.eye_pose)


class Baker:
    """Carries images of one head over to its texture; made once for a size of textures.

    Args:
        head: the head that was fitted.
        renderer: of its mesh, on the same device.
        size: R, side of the textures, texels.

    Attributes:
        uv_map: of the head and the size.

    Example:
        >>> baker = Baker(head, renderer, 256)
        >>> baked = baker.bake(fit, crops, mask)
        >>> unlit = baker.without_light(fit._replace(light=baker.light(fit, baked, albedo)), baked)
    """

    def __init__(self, head: HeadModel, renderer: Renderer, size: int) -> None:
        self.head, self.renderer, self.uv_map = head, renderer, UVMap(head, size, renderer.backend)

    @torch.no_grad()
    def bake(self, fit: HeadFit, crops: Tensor, mask: Tensor) -> Baked:
        """Unproject images to the texture.

        Args:
            fit: B heads.
            crops: [B, S, S, 3] uint8.
            mask: [B, S, S], uint8 or floating in 0..1: pixels that may be used, and how much.

        Returns:
            Colours as in the images (light included), zero where nothing is visible, and weights: mask times how
            squarely the surface is looked at, 0 where other parts of the head are before it.
        """
        sizes = expect("crops", crops, ("B", "S", "S", 3))
        expect("mask", mask, (sizes["B"], sizes["S"], sizes["S"]))
        mask = mask.float() / (255 if mask.dtype == torch.uint8 else 1)
        weight, places = self.visible(fit, sizes["S"])
        images = torch.cat([crops.permute(0, 3, 1, 2).float() / 255, mask[:, None]], 1)
        # A coarse texture must not pick single pixels out of fine images.
        images = functional.avg_pool2d(images, max(1, round(PIXELS_A_TEXEL * sizes["S"] / self.uv_map.size)))
        looked_up = functional.grid_sample(images, places[:, None], align_corners=False)[:, :, 0].transpose(1, 2)
        weight = weight * looked_up[..., 3:]
        return Baked(self.uv_map.image(looked_up[..., :3] * (weight > 0)), self.uv_map.image(weight))

    @torch.no_grad()
    def visible(self, fit: HeadFit, size: int) -> tuple[Tensor, Tensor]:
        """Find which texels images show, and where.

        Args:
            fit: B heads.
            size: of the depth image, pixels.

        Returns:
            How well each texel is visible [B, N, 1] in 0..1, and its place in the crop [B, N, 2] in -1..1.
        """
        vertices = vertices_of(self.head, fit)
        clip = project(vertices, fit.camera)
        facing = vertex_normals(vertices, self.head.faces)[..., 2:]
        on_texels = self.uv_map.on_texels(torch.cat([clip[..., :3], facing], 2))
        rasterizer = interface.backend(self.renderer.backend)
        rast = rasterizer.rasterize(clip.contiguous(), self.renderer.faces, (size, size), False).rast
        depth = torch.where(rast[..., 3] > 0, rast[..., 2], torch.ones_like(rast[..., 2]))
        # The farthest of the neighbouring pixels: a sloping surface must not hide itself.
        depth = functional.max_pool2d(depth[:, None], 3, 1, 1)
        places = on_texels[..., :2]
        nearest = functional.grid_sample(depth, places[:, None], mode="nearest", align_corners=False)[:, 0, 0]
        behind = (on_texels[..., 2] - nearest) / (fit.scale[:, None] * DEPTH_SQUEEZE)  # metres
        inside = (places.abs() < 1).all(-1)
        square = ((on_texels[..., 3] - GRAZING) / (HEAD_ON - GRAZING)).clamp(0, 1)
        weight = square * square * (3 - 2 * square) * (behind < DEPTH_TOLERANCE) * inside
        return weight[..., None], places

    @torch.no_grad()
    def light(self, fit: HeadFit, baked: Baked, albedo: Tensor) -> Tensor:
        """Find each image's light from its texture.

        Args:
            fit: B heads.
            baked: from `bake`.
            albedo: [B or 1, 3, R, R] in 0..1, colours without light.

        Returns:
            [B, 9, 3], least squares over the visible texels.
        """
        images = torch.cat([baked.texture, baked.weight, albedo.expand_as(baked.texture)], 1).flatten(2)
        colours, weight, albedo = images[..., self.uv_map.texels].transpose(1, 2).split([3, 1, 3], 2)
        some = slice(None, None, max(1, len(self.uv_map.texels) // LIGHT_TEXELS))
        return fit_light(albedo[:, some], colours[:, some], self.normals(fit)[:, some], weight[:, some, 0])

    @torch.no_grad()
    def without_light(self, fit: HeadFit, baked: Baked, strength: float = 1.0) -> Baked:
        """Take light out of textures; its mean over the visible texels becomes 1, channel by channel.

        Args:
            fit: B heads; `fit.light` is taken out.
            baked: from `bake`.
            strength: 1 takes all of it out, 0 nothing.
        """
        light = shading(self.normals(fit), fit.light)  # [B, N, 3]
        weight = baked.weight.flatten(2)[:, 0, self.uv_map.texels, None]
        mean = (light * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1e-6)
        relative = (light / mean.clamp_min(1e-3)).clamp(LEAST_LIGHT, 1 / LEAST_LIGHT) ** -strength
        return Baked((baked.texture * self.uv_map.image(relative)).clamp(0, 1), baked.weight)

    def normals(self, fit: HeadFit) -> Tensor:
        """[B, N, 3] unit normals of the UV map's texels."""
        normals = vertex_normals(vertices_of(self.head, fit), self.head.faces)
        return functional.normalize(self.uv_map.on_texels(normals), dim=2)
