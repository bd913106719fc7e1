"""Texture look-up on Warp as PyTorch functions: alone, and together with all that is to be known of a pixel before."""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize import warp_painting, warp_texture
from clipface.render.rasterize.deterministic import reproducible
from clipface.render.rasterize.warp_pyramid import Pyramid
from clipface.render.rasterize.warp_runtime import Shared, launch_pixels


class Sample(Function):
    """texture [B or 1, Ht, Wt, C], uv [B, H, W, 2], derivatives [B, H, W, 4] or None -> colours [B, H, W, C].

    With `coverage` one channel more, which is 1 where a triangle is seen.
    """

    @staticmethod
    def forward(
        ctx, texture: Tensor, uv: Tensor, slopes: Tensor | None, rast: Tensor | None, wraps: bool, coverage: bool
    ):
        ctx.layout, ctx.wraps = Pyramid(texture, slopes is not None), wraps
        pyramid = ctx.layout.build(texture)
        images, height, width, _ = uv.shape
        ctx.size = texture.shape[3] + int(coverage)
        values = torch.empty(images, height, width, ctx.size, device=uv.device)
        arguments = [*_look_up(ctx, pyramid, uv, slopes, rast), values, values if ctx.size == 4 else None]
        launch_pixels(warp_texture.sample, images * height, width, arguments, uv.device)
        ctx.save_for_backward(pyramid, uv, slopes, rast)
        return values

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g: Tensor):
        pyramid, uv, slopes, rast = ctx.saved_tensors
        images, height, width, _ = uv.shape
        g_pyramid = g_uv = g_slopes = None
        if ctx.needs_input_grad[0]:
            own = images if pyramid.shape[0] == images else 0
            g_pyramid = Shared(tuple(pyramid.shape), uv.device, own, images * height * width)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            g_uv = torch.empty_like(uv)
            g_slopes = None if slopes is None else torch.empty_like(slopes)
        g = g.contiguous()
        given = [g, g if ctx.size == 4 else None]
        arguments = [*_look_up(ctx, pyramid, uv, slopes, rast), *given, g_pyramid, g_uv, g_slopes]
        launch_pixels(warp_texture.sample_backward, images * height, width, arguments, uv.device)
        g_texture = None if g_pyramid is None else ctx.layout.collapse(g_pyramid.sum())
        return g_texture, g_uv, g_slopes, None, None, None


def _look_up(ctx, pyramid: Tensor, uv: Tensor, slopes: Tensor | None, rast: Tensor | None) -> list:
    """The arguments that `sample` and its adjoint share."""
    return [*ctx.layout.arguments(pyramid, ctx.wraps), uv, slopes, rast, uv.shape[1], uv.shape[2], ctx.size]


class Paint(Function):
    """clip [B, V, 4], texture [B or 1, Ht, Wt, C], faces, keys [B, H, W], uv [T, 2], uv_faces -> colours and coverage
    [B, H, W, C + 1], fragments [B, H, W, 4] (without gradient)."""

    @staticmethod
    def forward(ctx, clip: Tensor, texture: Tensor, faces: Tensor, keys: Tensor, uv: Tensor, uv_faces: Tensor, wraps):
        images, height, width = keys.shape
        ctx.layout, ctx.wraps = Pyramid(texture), wraps
        pyramid = ctx.layout.build(texture)
        size = texture.shape[3] + 1
        rast = torch.empty(images, height, width, 4, device=clip.device)
        values = torch.empty(images, height, width, size, device=clip.device)
        arguments = [clip, faces, keys, clip.shape[1], uv, uv_faces, *ctx.layout.arguments(pyramid, wraps)]
        arguments += [height, width, rast, values, values if size == 4 else None]
        launch_pixels(warp_painting.paint, images * height, width, arguments, clip.device)
        ctx.save_for_backward(clip, faces, uv, uv_faces, pyramid, rast)
        ctx.mark_non_differentiable(rast)
        ctx.set_materialize_grads(False)
        return values, rast

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g: Tensor | None, _):
        if g is None:
            return (None,) * 7
        clip, faces, uv, uv_faces, pyramid, rast = ctx.saved_tensors
        images, height, width, _ = rast.shape
        work, device, g = images * height * width, clip.device, g.contiguous()
        g_clip = g_pyramid = None
        if ctx.needs_input_grad[0]:
            g_clip = Shared(tuple(clip.shape), device, images, work)
        if ctx.needs_input_grad[1]:
            own = images if pyramid.shape[0] == images else 0
            g_pyramid = Shared(tuple(pyramid.shape), device, own, work)
        arguments = [clip, faces, clip.shape[1], uv, uv_faces, *ctx.layout.arguments(pyramid, ctx.wraps)]
        arguments += [height, width, rast, g, g if g.shape[3] == 4 else None, g_pyramid, g_clip]
        launch_pixels(warp_painting.paint_backward, images * height, width, arguments, device)
        g_texture = None if g_pyramid is None else ctx.layout.collapse(g_pyramid.sum())
        return None if g_clip is None else g_clip.sum(), g_texture, None, None, None, None, None
