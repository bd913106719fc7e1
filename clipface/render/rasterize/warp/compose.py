"""Warp kernels that put what is rendered over a background, and take it from rows of pixels to planes."""

import torch
import warp as wp
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.interface import check_float
from clipface.render.rasterize.warp.native import place
from clipface.render.rasterize.warp.runtime import launch_pixels, start

wp.set_module_options({"enable_backward": False})


@wp.func
def behind_of(background: wp.array(dtype=float), number: float, at: int):
    """The background at a place: `number` where there is no array."""
    if background:
        return background[at]
    return number


@wp.kernel
def compose_pixels(
    start: int,
    rendered: wp.array(dtype=float),
    vectors: wp.array(dtype=wp.vec4),
    background: wp.array(dtype=float),
    number: float,
    steps: wp.vec4i,
    channels: int,
    height: int,
    width: int,
    image: wp.array(dtype=float),
    mask: wp.array(dtype=float),
):
    """Colours plus what the mask leaves of the background, which is `number` where there is no array.

    `steps` lie between the background's images, channels, rows and columns. Where a pixel has four
    numbers, `vectors` is the same memory as `rendered`.
    """
    row, column, pixel = place(wp.tid(), start, width)
    frame = row / height
    line = row - frame * height
    plane = height * width
    out = frame * channels * plane + line * width + column
    behind = frame * steps[0] + line * steps[2] + column * steps[3]
    if vectors:
        whole = vectors[pixel]
        for c in range(3):
            back = behind_of(background, number, behind + c * steps[1])
            image[out + c * plane] = whole[c] + (1.0 - whole[3]) * back
        mask[pixel] = whole[3]
        return
    own = rendered[pixel * (channels + 1) + channels]
    for c in range(channels):
        back = behind_of(background, number, behind + c * steps[1])
        image[out + c * plane] = rendered[pixel * (channels + 1) + c] + (1.0 - own) * back
    mask[pixel] = own


@wp.kernel
def compose_pixels_backward(
    start: int,
    background: wp.array(dtype=float),
    number: float,
    steps: wp.vec4i,
    channels: int,
    height: int,
    width: int,
    g_image: wp.array(dtype=float),
    g_mask: wp.array(dtype=float),
    g_drawn: wp.array(dtype=float),
    g_vectors: wp.array(dtype=wp.vec4),
):
    """The adjoint of `compose_pixels` to what is rendered; a gradient that nobody has is an empty array."""
    row, column, pixel = place(wp.tid(), start, width)
    image = row / height
    line = row - image * height
    plane = height * width
    at = image * channels * plane + line * width + column
    behind = image * steps[0] + line * steps[2] + column * steps[3]
    g_own = wp.float32(0.0)
    if g_mask:
        g_own = g_mask[pixel]
    if g_vectors:
        g = wp.vec3(0.0, 0.0, 0.0)
        if g_image:
            g = wp.vec3(g_image[at], g_image[at + plane], g_image[at + 2 * plane])
            for c in range(3):
                g_own -= g[c] * behind_of(background, number, behind + c * steps[1])
        g_vectors[pixel] = wp.vec4(g[0], g[1], g[2], g_own)
        return
    for c in range(channels):
        one = wp.float32(0.0)
        if g_image:
            one = g_image[at + c * plane]
            g_own -= one * behind_of(background, number, behind + c * steps[1])
        g_drawn[pixel * (channels + 1) + c] = one
    g_drawn[pixel * (channels + 1) + channels] = g_own


class Compose(Function):
    """rendered [B, H, W, C + 1], a number or background [B or 1, C or 1, H or 1, W or 1] -> image, mask."""

    @staticmethod
    def forward(ctx, rendered: Tensor, background: float | Tensor):
        images, height, width, size = rendered.shape
        shape = (images, size - 1, height, width)
        image = torch.empty(shape, device=rendered.device)
        mask = torch.empty(images, 1, height, width, device=rendered.device)
        given = background.contiguous() if isinstance(background, Tensor) else None
        ctx.behind = _behind(background if given is None else given, shape)
        arguments = [rendered, rendered if size == 4 else None, given, *ctx.behind, image, mask]
        launch_pixels(compose_pixels, images * height, width, arguments, rendered.device)
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
        launch_pixels(compose_pixels_backward, images * height, width, arguments, given.device)
        g_background = None
        if ctx.needs_input_grad[1] and g_image is not None:
            g_background = (g_image * (1 - mask)).sum_to_size(background.shape)
        return g_drawn, g_background


def _behind(background: float | Tensor, shape: tuple[int, ...]) -> list:
    """A number to use where there is no background tensor, steps of one that has 1 for some sizes, and the sizes."""
    if not isinstance(background, Tensor):
        return [float(background), (0, 0, 0, 0), *shape[1:]]
    steps = tuple(0 if size == 1 else step for size, step in zip(background.shape, background.stride(), strict=True))
    return [0.0, steps, *shape[1:]]


def compose(rendered: Tensor, background: float | Tensor) -> tuple[Tensor, Tensor]:
    """Put rendered colours over a background.

    Args:
        rendered: [B, H, W, C + 1], colours on black, and last the mask.
        background: a number, or [B or 1, C or 1, H or 1, W or 1].

    Returns:
        Image [B, C, H, W] and mask [B, 1, H, W].

    Gradient: to both.
    """
    check_float("rendered", rendered, ("B", "H", "W", "C"))
    start()
    return Compose.apply(rendered.contiguous(), background)
