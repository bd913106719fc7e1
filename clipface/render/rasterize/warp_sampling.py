"""Texture look-up on Warp as a PyTorch function: builds the mip pyramid, samples it, and does both backwards."""

import torch
import warp as wp
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize import warp_mipmap, warp_texture
from clipface.render.rasterize.interface import mip_levels
from clipface.render.rasterize.warp_runtime import Shared, launch, view


class Sample(Function):
    """texture [B or 1, Ht, Wt, C], uv [B, H, W, 2], derivatives [B, H, W, 4] or None -> colours [B, H, W, C]."""

    @staticmethod
    def forward(ctx, texture: Tensor, uv: Tensor, slopes: Tensor | None, rast: Tensor | None, wraps: bool):
        levels = mip_levels(*texture.shape[1:3]) if slopes is not None else [tuple(texture.shape[1:3])]
        ctx.levels, ctx.wraps, ctx.texture_shape = levels, wraps, texture.shape
        pyramid = _build(texture, levels)
        images, height, width, _ = uv.shape
        values = torch.empty(images, height, width, texture.shape[3], device=uv.device)
        arguments = _look_up(ctx, pyramid, uv, slopes, rast)
        launch(warp_texture.sample, images * height, (width,), [*arguments, view(values)], uv.device)
        ctx.save_for_backward(pyramid, uv, slopes, rast)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor):
        pyramid, uv, slopes, rast = ctx.saved_tensors
        images, height, width, _ = uv.shape
        g_pyramid = None
        if ctx.needs_input_grad[0]:
            own = images if pyramid.shape[0] == images else 0
            g_pyramid = Shared(tuple(pyramid.shape), uv.device, own, images * height * width)
        g_uv = torch.empty_like(uv) if ctx.needs_input_grad[1] else None
        g_slopes = torch.empty_like(slopes) if slopes is not None and ctx.needs_input_grad[2] else None
        arguments = _look_up(ctx, pyramid, uv, slopes, rast)
        launch(
            warp_texture.sample_backward,
            images * height,
            (width,),
            [*arguments, view(g.contiguous()), g_pyramid, view(g_uv, wp.vec2), view(g_slopes, wp.vec4)],
            uv.device,
        )
        g_texture = None if g_pyramid is None else _collapse(g_pyramid.sum(), ctx.levels).view(ctx.texture_shape)
        return g_texture, g_uv, g_slopes, None, None


def _offsets(levels: list[tuple[int, int]]) -> list[int]:
    offsets = [0]
    for height, width in levels:
        offsets.append(offsets[-1] + height * width)
    return offsets


def _look_up(ctx, pyramid: Tensor, uv: Tensor, slopes: Tensor | None, rast: Tensor | None) -> list:
    """The arguments that `sample` and its adjoint share."""
    starts = _offsets(ctx.levels)[:-1]
    offsets = warp_texture.Offsets(*starts, *[0] * (warp_texture.MOST_LEVELS - len(starts)))
    texture_height, texture_width = ctx.levels[0]
    stride = pyramid[0].numel() if pyramid.shape[0] > 1 else 0
    return [
        *(view(pyramid), offsets, len(ctx.levels) - 1, texture_width, texture_height, pyramid.shape[2], stride),
        *(int(ctx.wraps), view(uv, wp.vec2), view(slopes, wp.vec4), view(rast, wp.vec4), uv.shape[1], uv.shape[2]),
    ]


def _build(texture: Tensor, levels: list[tuple[int, int]]) -> Tensor:
    """The mip pyramid [B, T, C]: one copy of the texture, then each level halved into the next."""
    images, height, width, channels = texture.shape
    pyramid = torch.empty(images, _offsets(levels)[-1], channels, device=texture.device)
    pyramid[:, : height * width].view(texture.shape).copy_(texture)
    for arguments in _steps(pyramid, levels):
        launch(warp_mipmap.halve, images, *arguments, texture.device)
    return pyramid


def _collapse(gradient: Tensor, levels: list[tuple[int, int]]) -> Tensor:
    """The adjoint of `_build`: hands the levels' gradients down to level 0, in place; [B, Ht * Wt, C]."""
    for arguments in reversed(_steps(gradient, levels)):
        launch(warp_mipmap.halve_backward, gradient.shape[0], *arguments, gradient.device)
    return gradient[:, : levels[0][0] * levels[0][1]]


def _steps(pyramid: Tensor, levels: list[tuple[int, int]]) -> list[tuple[tuple[int], list]]:
    """Thread counts and arguments of `halve` for each level but the first."""
    starts = _offsets(levels)
    steps = []
    for i in range(1, len(levels)):
        (fine_height, fine_width), (height, width) = levels[i - 1], levels[i]
        arguments = [view(pyramid), pyramid.shape[2], pyramid[0].numel(), starts[i - 1], fine_width, fine_height]
        steps.append(((height * width,), [*arguments, starts[i], width]))
    return steps
