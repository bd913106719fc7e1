"""What Warp's kernels do as PyTorch functions: look-ups of textures, blended silhouettes, backgrounds."""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.warp import composing as warp_composing
from clipface.render.rasterize.warp import painting as warp_painting
from clipface.render.rasterize.warp.antialias import backward as warp_antialias_backward
from clipface.render.rasterize.warp.antialias import forward as warp_antialias
from clipface.render.rasterize.warp.runtime import ThreadBuffer, launch, launch_pixels, reproducible
from clipface.render.rasterize.warp.texture import kernels as warp_texture
from clipface.render.rasterize.warp.texture.pyramid import Pyramid


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
            g_pyramid = ThreadBuffer(tuple(pyramid.shape), uv.device, own, images * height * width)
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
            g_clip = ThreadBuffer(tuple(clip.shape), device, images, work)
        if ctx.needs_input_grad[1]:
            own = images if pyramid.shape[0] == images else 0
            g_pyramid = ThreadBuffer(tuple(pyramid.shape), device, own, work)
        arguments = [clip, faces, clip.shape[1], uv, uv_faces, *ctx.layout.arguments(pyramid, ctx.wraps)]
        arguments += [height, width, rast, g, g if g.shape[3] == 4 else None, g_pyramid, g_clip]
        launch_pixels(warp_painting.paint_backward, images * height, width, arguments, device)
        g_texture = None if g_pyramid is None else ctx.layout.collapse(g_pyramid.sum())
        return None if g_clip is None else g_clip.sum(), g_texture, None, None, None, None, None


class Antialias(Function):
    """image [B, H, W, C], clip [B, V, 4], fragments [B, H, W, 4], faces [F, 3], what lies beyond their edges (vertices,
    triangles or None) [F, 3] -> blended image."""

    @staticmethod
    def forward(ctx, image: Tensor, clip: Tensor, rast: Tensor, faces: Tensor, beyond: Tensor, behind: Tensor | None):
        images, height, width, channels = image.shape
        rows, vertices, count, device = images * height, clip.shape[1], faces.shape[0], image.device
        marks = torch.empty(images, count, dtype=torch.uint8, device=device)
        marking = [clip, faces, beyond, vertices, count, height, width, marks]
        launch(warp_antialias.mark_silhouettes, images * count, (), marking, device)
        weights = torch.empty(images, height, width, 2, device=device)
        found = [rast, clip, faces, beyond, behind, vertices, height, width, marks, count, weights]
        launch_pixels(warp_antialias.find_edges, rows, width, found, device)
        blended = torch.empty_like(image)
        # Four channels, which a colour and its mask are, go as one vector.
        groups, whole = (channels // 4, True) if channels % 4 == 0 else (channels, False)
        kernel = warp_antialias.blend_edges_4 if whole else warp_antialias.blend_edges_1
        launch_pixels(kernel, rows, width, [weights, image, groups, height, width, blended], device)
        ctx.save_for_backward(image, clip, rast, faces, beyond, behind, weights)
        return blended

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g: Tensor):
        image, clip, rast, faces, beyond, behind, weights = ctx.saved_tensors
        images, height, width, channels = image.shape
        rows, device = images * height, image.device
        g_image = torch.empty_like(image) if ctx.needs_input_grad[0] else None
        g_clip = ThreadBuffer(tuple(clip.shape), device, images, rows * width) if ctx.needs_input_grad[1] else None
        mesh = [rast, clip, faces, beyond, behind, clip.shape[1], height, width]
        groups, whole = (channels // 4, True) if channels % 4 == 0 else (channels, False)
        kernel = warp_antialias_backward.antialias_backward_4 if whole else warp_antialias_backward.antialias_backward_1
        arguments = [*mesh, weights, image, groups, g.contiguous(), g_image, g_clip]
        launch_pixels(kernel, rows, width, arguments, device)
        return g_image, g_clip.sum() if g_clip else None, None, None, None, None


class Compose(Function):
    """drawn [B, H, W, C + 1], a number or background [B or 1, C or 1, H or 1, W or 1] -> image, mask."""

    @staticmethod
    def forward(ctx, drawn: Tensor, background: float | Tensor):
        images, height, width, size = drawn.shape
        shape = (images, size - 1, height, width)
        image, mask = torch.empty(shape, device=drawn.device), torch.empty(images, 1, *shape[2:], device=drawn.device)
        given = background.contiguous() if isinstance(background, Tensor) else None
        ctx.behind = _behind(background if given is None else given, shape)
        arguments = [drawn, drawn if size == 4 else None, given, *ctx.behind, image, mask]
        launch_pixels(warp_composing.compose, images * height, width, arguments, drawn.device)
        ctx.set_materialize_grads(False)
        ctx.shape = shape
        ctx.save_for_backward(given, mask if ctx.needs_input_grad[1] else None)
        return image, mask

    @staticmethod
    @once_differentiable
    def backward(ctx, g_image: Tensor | None, g_mask: Tensor | None):
        background, mask = ctx.saved_tensors
        images, channels, height, width = ctx.shape
        given = g_mask if g_image is None else g_image
        if given is None:
            return None, None
        g_drawn = torch.empty(images, height, width, channels + 1, device=given.device)
        g_image = None if g_image is None else g_image.contiguous()
        g_mask = None if g_mask is None else g_mask.contiguous()
        arguments = [background, *ctx.behind, g_image, g_mask, g_drawn, g_drawn if channels == 3 else None]
        launch_pixels(warp_composing.compose_backward, images * height, width, arguments, given.device)
        g_background = None
        if ctx.needs_input_grad[1] and g_image is not None:
            g_background = (g_image * (1 - mask)).sum_to_size(background.shape)
        return g_drawn, g_background


def _behind(background: float | Tensor, shape: tuple[int, ...]) -> list:
    """A number to use where there is no background tensor, steps of one that has 1 for some sizes, and the sizes."""
    if not isinstance(background, Tensor):
        return [float(background), 0, 0, 0, 0, *shape[1:]]
    steps = [0 if size == 1 else step for size, step in zip(background.shape, background.stride(), strict=True)]
    return [0.0, *steps, *shape[1:]]
