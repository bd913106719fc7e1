"""What is drawn over a background, on Warp as a PyTorch function."""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize import warp_composing
from clipface.render.rasterize.warp_runtime import launch_pixels


class Compose(Function):
    """drawn [B, H, W, C + 1], a number or background [B or 1, C or 1, H or 1, W or 1] -> image, mask."""

    @staticmethod
    def forward(ctx, drawn: Tensor, background: float | Tensor):
        images, height, width, size = drawn.shape
        shape = (images, size - 1, height, width)
        image, mask = torch.empty(shape, device=drawn.device), torch.empty(images, 1, *shape[2:], device=drawn.device)
        given = background.contiguous() if isinstance(background, Tensor) else None
        ctx.behind = _behind(background if given is None else given, shape)
        arguments = [drawn, given, *ctx.behind, image, mask]
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
        arguments = [background, *ctx.behind, g_image, g_mask, g_drawn]
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
