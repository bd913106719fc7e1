"""Several GPUs: each process holds the whole networks and takes its share of the batch; gradients are averaged by hand.

The phases of the texture generator's trainer call networks directly and more than once a step, which the wrapper that
PyTorch has for this (DistributedDataParallel) does not allow. Without a group of processes nothing here does anything.
"""

import os
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor

SEED_STEP = 1_000_003  # between the seeds of two processes; prime, and far more than a run has chunks or rounds


class SharedGradients(DDPStrategy):
    """Lightning's processes and devices, without its wrapper around the module."""

    def configure_ddp(self) -> None:
        """Give every process the first one's networks."""
        for tensor in self.model.state_dict().values():
            dist.broadcast(tensor, 0)


def rank() -> int:
    """Number of this process on its machine; known before the group of processes is made."""
    return int(os.environ.get("LOCAL_RANK", 0))


def count() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def average_(tensors: Sequence[Tensor]) -> None:
    """Replace tensors of one type by their means over the processes, in one message."""
    if count() == 1 or not tensors:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    flat /= count()
    parts = flat.split([tensor.numel() for tensor in tensors])
    torch._foreach_copy_(list(tensors), [part.view(t.shape) for part, t in zip(parts, tensors, strict=True)])


def joined(tensor: Tensor) -> Tensor:
    """The tensors [B, ...] of all processes, one after the other."""
    if count() == 1:
        return tensor
    parts = [torch.empty_like(tensor) for _ in range(count())]
    dist.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def gather(thing: Any) -> list[Any]:
    """The things that all processes have, in their order; the host waits."""
    if count() == 1:
        return [thing]
    things: list[Any] = [None] * count()
    dist.all_gather_object(things, thing)
    return things


def any_of(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process; the host waits."""
    if count() == 1:
        return flag
    flags = torch.tensor(float(flag), device=device)
    dist.all_reduce(flags)
    return bool(flags)
