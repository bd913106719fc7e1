"""The operations of activation.py in plain PyTorch: what a CPU runs, and what the kernels must equal.

Memory traffic is all that counts here, so results go where memory is already at hand. Every function has a twin of the
same name in activation_triton.py.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SLOPE = 0.2  # of leaky ReLU
CLAMP = 256.0  # the published networks limit every activation; float16 would overflow without it


def blend(
    x: Tensor, factor: Tensor | None, bias: Tensor | None, noise: Tensor | None, gain: float, active: bool
) -> Tensor:
    """Give x · factor + gain · (bias + noise), if active through leaky ReLU and clamp; in place without a factor.

    Args:
        x: [B, C, H, W].
        factor: [B, C].
        bias: [C].
        noise: [B or 1, 1, H, W].
        gain: of bias and noise.
        active: whether leaky ReLU follows.
    """
    shift = None
    if bias is not None:
        shift = bias[:, None, None] if noise is None else bias[:, None, None] + noise
        shift = shift.to(x.dtype) * gain
    if factor is None:
        result = x if shift is None else x.add_(shift)
    elif shift is None:
        result = x * factor.to(x.dtype)[:, :, None, None]
    else:  # into memory of x's format: of its own accord PyTorch would follow the shift's
        result = torch.addcmul(shift, x, factor.to(x.dtype)[:, :, None, None], out=torch.empty_like(x))
    return F.leaky_relu_(result, SLOPE).clamp_(-CLAMP, CLAMP) if active else result


def blend_gradient(
    gradient: Tensor, y: Tensor | None, x: Tensor | None, factor: Tensor | None, needed: tuple[bool, bool, bool]
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of `blend` with a gain of one.

    Args:
        gradient: of the result.
        y: the result if it was active.
        x, factor: as they went in; None if there was no factor.
        needed: whether those of factor, bias and noise are.

    Returns:
        Gradients of x [B, C, H, W], factor [B, C], bias [C], noise [B, 1, H, W]; None if not needed.
    """
    if y is not None:
        gradient = slope(gradient, y)
    of_x = gradient if factor is None else gradient * factor.to(gradient.dtype)[:, :, None, None]
    return (
        of_x,
        dot(gradient, x) if needed[0] else None,
        gradient.sum((0, 2, 3), dtype=torch.promote_types(gradient.dtype, torch.float32)) if needed[1] else None,
        gradient.sum(1, keepdim=True, dtype=torch.promote_types(gradient.dtype, torch.float32)) if needed[2] else None,
    )


def slope(gradient: Tensor, y: Tensor) -> Tensor:
    """Multiply a gradient by the slope of leaky ReLU and clamp, at which `y` is the result."""
    gradient = torch.ops.aten.leaky_relu_backward(gradient, y, SLOPE, True)
    return torch.ops.aten.hardtanh_backward.grad_input(gradient, y, -CLAMP, CLAMP, grad_input=gradient)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Sum over pixels of a product: [B, C, H, W] twice → [B, C]."""
    if a.is_contiguous() and b.is_contiguous():  # then a product need not be stored
        pixels = a[0, 0].numel()
        return torch.bmm(a.view(-1, 1, pixels), b.view(-1, pixels, 1)).view(a.shape[:2])
    return (a * b).sum((2, 3), dtype=torch.promote_types(a.dtype, torch.float32))
