"""Backward passes whose sums do not depend on which GPU thread comes first."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor


class _OnCpu:
    """What a backward pass knows of its forward pass, on the CPU."""

    def __init__(self, ctx: Any) -> None:
        self.__dict__.update(ctx.__dict__)
        self.saved_tensors = tuple(_cpu(saved) for saved in ctx.saved_tensors)
        self.needs_input_grad = ctx.needs_input_grad


def reproducible(backward: Callable) -> Callable:
    """Make a `Function.backward` give the same bits each time if `torch.use_deterministic_algorithms(True)` is set.

    On CUDA, pixels add to vertices and texels in any order, and float32 sums depend on it. Then the pass is done on the
    CPU instead, where the order is fixed for a number of threads; that is far slower. The CPU always is reproducible.
    """

    @wraps(backward)
    def run(ctx: Any, *gradients: Tensor | None) -> Any:
        devices = {g.device for g in gradients if g is not None}
        device = devices.pop() if devices else torch.device("cpu")
        if device.type != "cuda" or not torch.are_deterministic_algorithms_enabled():
            return backward(ctx, *gradients)
        results = backward(_OnCpu(ctx), *(_cpu(g) for g in gradients))
        return tuple(result.to(device) if isinstance(result, Tensor) else result for result in results)

    return run


def _cpu(tensor: Any) -> Any:
    return tensor.cpu() if isinstance(tensor, Tensor) else tensor
