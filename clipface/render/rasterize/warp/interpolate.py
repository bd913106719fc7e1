"""The verb `interpolate`: vertex attributes at every pixel, their screen derivatives, and the adjoint."""

import torch
import warp as wp
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.interface import Fragments, check_attributes
from clipface.render.rasterize.warp.native import place
from clipface.render.rasterize.warp.runtime import ThreadBuffer, launch_pixels, reproducible, start

wp.set_module_options({"enable_backward": False})


@wp.kernel
def interpolate_pixels(
    start: int,
    attributes: wp.array(dtype=float),
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    derivatives: wp.array(dtype=wp.vec4),
    image_stride: int,
    channels: int,
    height: int,
    width: int,
    values: wp.array(dtype=float),
    value_derivatives: wp.array(dtype=float),
):
    """Interpolate; `image_stride` is the length of one image's attributes, 0 where all images share them."""
    row, column, pixel = place(wp.tid(), start, width)
    r = rast[pixel]
    face = int(r[3]) - 1
    out = pixel * channels
    if face < 0:
        for c in range(channels):
            values[out + c] = 0.0
            if value_derivatives:
                value_derivatives[2 * (out + c)] = 0.0
                value_derivatives[2 * (out + c) + 1] = 0.0
        return
    base = (row / height) * image_stride
    i0 = base + faces[3 * face] * channels
    i1 = base + faces[3 * face + 1] * channels
    i2 = base + faces[3 * face + 2] * channels
    d = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if value_derivatives:
        d = derivatives[pixel]
    for c in range(channels):
        last = attributes[i2 + c]
        along_u = attributes[i0 + c] - last
        along_v = attributes[i1 + c] - last
        values[out + c] = last + r[0] * along_u + r[1] * along_v
        if value_derivatives:
            value_derivatives[2 * (out + c)] = d[0] * along_u + d[2] * along_v
            value_derivatives[2 * (out + c) + 1] = d[1] * along_u + d[3] * along_v


@wp.kernel
def add_attribute_gradients(
    start: int,
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    derivatives: wp.array(dtype=wp.vec4),
    g_values: wp.array(dtype=float),
    g_value_derivatives: wp.array(dtype=float),
    image_stride: int,
    channels: int,
    height: int,
    width: int,
    g_attributes: wp.array(dtype=float),
):
    """Add each pixel's gradient to the attributes of its triangle; gradients that nobody has are empty arrays."""
    row, column, pixel = place(wp.tid(), start, width)
    r = rast[pixel]
    face = int(r[3]) - 1
    if face < 0:
        return
    base = (row / height) * image_stride
    for c in range(channels):
        g = wp.vec3(0.0, 0.0, 0.0)
        if g_values:
            g = g_values[pixel * channels + c] * wp.vec3(r[0], r[1], 1.0 - r[0] - r[1])
        if g_value_derivatives:
            gx = g_value_derivatives[2 * (pixel * channels + c)]
            gy = g_value_derivatives[2 * (pixel * channels + c) + 1]
            d = derivatives[pixel]
            du = gx * d[0] + gy * d[1]
            dv = gx * d[2] + gy * d[3]
            g += wp.vec3(du, dv, -du - dv)
        for k in range(3):
            wp.atomic_add(g_attributes, base + faces[3 * face + k] * channels + c, g[k])


@wp.kernel
def fragment_gradients(
    start: int,
    attributes: wp.array(dtype=float),
    faces: wp.array(dtype=int),
    rast: wp.array(dtype=wp.vec4),
    g_values: wp.array(dtype=float),
    g_value_derivatives: wp.array(dtype=float),
    image_stride: int,
    channels: int,
    height: int,
    width: int,
    g_rast: wp.array(dtype=wp.vec4),
    g_derivatives: wp.array(dtype=wp.vec4),
):
    """The gradient of (u, v) and of their derivatives; what nobody has or wants is an empty array."""
    row, column, pixel = place(wp.tid(), start, width)
    face = int(rast[pixel][3]) - 1
    g_uv = wp.vec2(0.0, 0.0)
    g_d = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if face >= 0:
        base = (row / height) * image_stride
        i0 = base + faces[3 * face] * channels
        i1 = base + faces[3 * face + 1] * channels
        i2 = base + faces[3 * face + 2] * channels
        for c in range(channels):
            a02 = attributes[i0 + c] - attributes[i2 + c]
            a12 = attributes[i1 + c] - attributes[i2 + c]
            if g_values:
                g_uv += g_values[pixel * channels + c] * wp.vec2(a02, a12)
            if g_value_derivatives:
                gx = g_value_derivatives[2 * (pixel * channels + c)]
                gy = g_value_derivatives[2 * (pixel * channels + c) + 1]
                g_d += wp.vec4(gx * a02, gy * a02, gx * a12, gy * a12)
    if g_rast:
        g_rast[pixel] = wp.vec4(g_uv[0], g_uv[1], 0.0, 0.0)
    if g_derivatives:
        g_derivatives[pixel] = g_d


def interpolate(
    attributes: Tensor, fragments: Fragments, faces: Tensor, derivatives: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Interpolate vertex attributes over the triangles.

    Args:
        attributes: [B or 1, A, C]; `faces` index A, which may be another topology than the positions'.
        fragments: from `rasterize`, with derivatives if `derivatives` is set here.
        faces: attribute indices [F, 3], int32, triangle for triangle those of `rasterize`.
        derivatives: whether to compute screen derivatives too.

    Returns:
        Values [B, H, W, C], zero where nothing is seen, and derivatives [B, H, W, 2C] (dX, dY of the first channel,
        then of the next) or None.

    Gradient: to attributes, and through u, v and their derivatives to the positions.
    """
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
        ctx.stride = attributes.shape[1] * channels if attributes.shape[0] > 1 else 0
        arguments = [attributes, faces, rast, screen, ctx.stride, channels, height, width, values, slopes]
        launch_pixels(interpolate_pixels, images * height, width, arguments, rast.device)
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
            launch_pixels(add_attribute_gradients, rows, width, arguments, device)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            g_rast = torch.empty_like(rast)
            g_screen = None if g_slopes is None else torch.empty_like(rast)
            arguments = [attributes, faces, rast, *gradients, g_rast, g_screen]
            launch_pixels(fragment_gradients, rows, width, arguments, device)
        return g_attributes.sum() if g_attributes else None, g_rast, g_screen, None
