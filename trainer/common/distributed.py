"""Several processes: each holds the full networks and takes its share of the batch; gradients are averaged.

The phases of the texture generator's trainer call networks directly and more than once a step, which PyTorch's wrapper
(DistributedDataParallel) does not allow, so that trainer averages by hand. Without a process group, these functions
change nothing.
"""

import os
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor


class SharedGradients(DDPStrategy):
    """Lightning's processes and devices, without its wrapper around the module."""

    def configure_ddp(self) -> None:
        """Give every process the first one's networks."""
        for tensor in self.model.state_dict().values():
            dist.broadcast(tensor, 0)


def local_rank() -> int:
    """Number of this process on its machine, which is that of its GPU; known before the group of processes is made."""
    return int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", 0)))


def global_rank(devices: int = 1) -> int:
    """Number of this process among all of them.

    Args:
        devices: processes on each machine (`trainer.devices`); counts before the group of processes is made.
    """
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank()
    if "RANK" in os.environ:  # torchrun
        return int(os.environ["RANK"])
    if "LOCAL_RANK" not in os.environ and "SLURM_PROCID" in os.environ:
        return int(os.environ["SLURM_PROCID"])
    return int(os.environ.get("NODE_RANK", 0)) * devices + local_rank()  # Lightning's own launcher


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


def of_first(number: float, device: torch.device) -> float:
    """The first process's number."""
    shared = torch.tensor(number, device=device)
    dist.broadcast(shared, 0)
    return float(shared)


def largest(number: int, device: torch.device) -> int:
    """The largest of all processes' numbers; the host waits."""
    if count() == 1:
        return number
    found = torch.tensor(number, device=device)
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return int(found)
