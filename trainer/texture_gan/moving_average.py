"""The exponential moving average of a generator: what gets used after training."""

import copy

import torch
from torch import nn


def averaged(network: nn.Module) -> nn.Module:
    """Give a frozen copy of a network, to be moved by `follow`."""
    return copy.deepcopy(network).requires_grad_(False)


def half_life_now(half_life: float, ramp_up: float, images: int) -> float:
    """Give the half-life after a number of images.

    Args:
        half_life: images after which a value counts half, in the long run.
        ramp_up: the most, as a share of the images trained on, so that the start soon stops counting; 0: no such bound.
        images: trained on so far.
    """
    return min(half_life, images * ramp_up) if ramp_up else half_life


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, batch_size: int, half_life: float) -> None:
    """Move the average's parameters towards the network's after a batch, and copy the network's buffers.

    Args:
        average: from `averaged`.
        network: in training.
        batch_size: images in the batch.
        half_life: images after which a value counts half.
    """
    kept = 0.5 ** (batch_size / max(half_life, 1e-8))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - kept)
    for own, source in zip(average.buffers(), network.buffers(), strict=True):
        own.copy_(source)
