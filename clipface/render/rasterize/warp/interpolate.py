"""The verb `interpolate`: vertex attributes at every pixel."""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.checks import check_attributes
from clipface.render.rasterize.interface import Fragments
from clipface.render.rasterize.warp import interpolation as kernels
from clipface.render.rasterize.warp.runtime import ThreadBuffer, launch_pixels, reproducible, start


def interpolate(
    attributes: Tensor, fragments: Fragments, faces: Tensor, derivatives: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Interpolate vertex attributes over the triangles (see `interface.Rasterizer`)."""
    check_attributes(attributes, fragments, faces, derivatives)
    start()
    screen = fragments.derivatives if derivatives else None
    return _Interpolate.apply(attributes.contiguous(), fragments.rast, screen, faces.contiguous())


class _Interpolate(Function):
    @staticmethod
    def forward(ctx, attributes: Tensor, rast: Tensor, screen: Tensor | None, faces: Tensor):
        images, height, width, _ = rast.shape
        channels = attributes.shape[2]
        values = torch.empty(images, height, width, channels, device=rast.device)
        slopes = None if screen is None else torch.empty(images, height, width, 2 * channels, device=rast.device)
        vertices = attributes.shape[1] if attributes.shape[0] > 1 else 0
        ctx.stride, ctx.pairs = vertices * channels, channels == 2 and screen is not None
        mesh, results = [attributes, faces, rast, screen], [height, width, values, slopes]
        if ctx.pairs:
            arguments = [*mesh, vertices, *results]
            launch_pixels(kernels.interpolate_pairs, images * height, width, arguments, rast.device)
        else:
            arguments = [*mesh, ctx.stride, channels, *results]
            launch_pixels(kernels.interpolate, images * height, width, arguments, rast.device)
        ctx.save_for_backward(attributes, rast, screen, faces)
        ctx.set_materialize_grads(False)
        return values, slopes

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g_values: Tensor | None, g_slopes: Tensor | None):
        attributes, rast, screen, faces = ctx.saved_tensors
        images, height, width, _ = rast.shape
        g_values = None if g_values is None else g_values.contiguous()
        g_slopes = None if g_slopes is None else g_slopes.contiguous()
        gradients = [g_values, g_slopes, ctx.stride, attributes.shape[2], height, width]
        rows, device = images * height, rast.device
        g_attributes = g_rast = g_screen = None
        if ctx.needs_input_grad[0]:
            own = images if ctx.stride else 0
            g_attributes = ThreadBuffer(tuple(attributes.shape), device, own, rows * width)
            arguments = [faces, rast, screen, *gradients, g_attributes]
            launch_pixels(kernels.interpolate_backward_attributes, rows, width, arguments, device)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            g_rast = torch.empty_like(rast)
            g_screen = None if g_slopes is None else torch.empty_like(rast)
            kernel = kernels.interpolate_backward_fragments
            if ctx.pairs:
                kernel = kernels.interpolate_pairs_backward
                gradients = [g_values, g_slopes, ctx.stride // 2, height, width]
            launch_pixels(kernel, rows, width, [attributes, faces, rast, *gradients, g_rast, g_screen], device)
        return g_attributes.sum() if g_attributes else None, g_rast, g_screen, None
