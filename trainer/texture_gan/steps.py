"""What goes with an optimiser's step: broken steps are skipped, and the generator's moving average follows.

The average is what gets used after training.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from clipface.data import FaceBatch
from trainer.common import distributed

SHARE_DECAY = 0.005  # of the running share of broken batches: about the last 200 count


class SkipNonfinite(nn.Module):
    """Decides on the device, without the host waiting, whether an optimiser may use its gradients.

    Args:
        in_a_row: broken batches after each other that end a run.
        share: of broken batches, over about the last 200, that ends a run.

    Attributes:
        skipped: broken batches so far: those in which at least one step was skipped.
    """

    def __init__(self, in_a_row: int, share: float):
        super().__init__()
        self.most_in_a_row, self.most_share = in_a_row, share
        for name in ("skipped", "in_a_row", "share", "broken"):
            self.register_buffer(name, torch.zeros(()))

    def step(self, optimizer: torch.optim.Optimizer, gradients: Sequence[Tensor]) -> None:
        """Let a fused optimiser step, unless a gradient is infinite or NaN: then nothing of it changes."""
        norms = torch.stack(torch._foreach_norm(list(gradients)))
        found = (~norms.isfinite().all()).float()
        optimizer.found_inf = found  # PyTorch's fused optimizers read it; no other way leaves their state alone
        optimizer.step()
        self.broken = torch.maximum(self.broken, found)

    def end_batch(self) -> None:
        """Count the batch."""
        self.skipped += self.broken
        self.in_a_row.add_(1).mul_(self.broken)
        self.share.lerp_(self.broken, SHARE_DECAY)
        self.broken.zero_()

    def check(self, batches: int) -> None:
        """Raise if training is broken; the host waits for the device.

        Raises:
            RuntimeError: naming the numbers, and what to do.
        """
        in_a_row, share = int(self.in_a_row), float(self.share)
        if in_a_row >= self.most_in_a_row or share > self.most_share:
            raise RuntimeError(
                f"training: expected finite gradients, got others in {in_a_row} batches in a row up to batch {batches} "
                f"and in {share:.1%} of the last; at most {self.most_in_a_row} and {self.most_share:.1%} are allowed "
                "(robust.in_a_row, robust.share). The last checkpoint is from before. Lower learning_rate, or use "
                "trainer.precision=32-true"
            )


def take_step(
    optimizer: torch.optim.Optimizer,
    losses: Iterable[Tensor],
    backward: Callable[[Tensor], None],
    finite: SkipNonfinite,
) -> None:
    """One step of an optimiser on the sum of losses, with gradients averaged over processes.

    Each loss is made when the one before has given its gradient, so that memory holds the graph of one alone. The step
    is left out if a gradient is not finite.
    """
    optimizer.zero_grad(set_to_none=True)
    for loss in losses:
        backward(loss)
    parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    distributed.average_(gradients)
    finite.step(optimizer, gradients)


class Found(NamedTuple):
    """What a phase makes of a batch, or of a part of it."""

    loss: Tensor
    metrics: dict[str, Tensor]
    result: Tensor  # [B, ...], for what comes after the step


def step_on_parts(
    optimizer: torch.optim.Optimizer,
    find: Callable[..., Found],
    batches: Sequence[Tensor | FaceBatch],
    parts: int,
    backward: Callable[[Tensor], None],
    finite: SkipNonfinite,
) -> tuple[dict[str, Tensor], Tensor]:
    """One step of an optimiser on a batch that is taken in parts, for less memory.

    Args:
        optimizer, backward, finite: as of `take_step`.
        find: from a part of each batch to its loss.
        batches: of one length, a multiple of `parts`.
        parts: how many; each has every so many images, so that those of a group in `minibatch_deviation` stay together.

    Returns:
        The means of the parts' metrics, and their results in the batch's order, without graph.
    """
    metrics, results = [], []

    def losses() -> Iterator[Tensor]:
        for rows in (slice(first, None, parts) for first in range(parts)):
            found = find(*(batch[rows] if isinstance(batch, Tensor) else batch.select(rows) for batch in batches))
            metrics.append({name: value.detach() for name, value in found.metrics.items()})
            results.append(found.result.detach())
            yield found.loss / parts

    take_step(optimizer, losses(), backward, finite)
    means = {name: sum(each[name] for each in metrics) / parts for name in metrics[0]}
    return means, torch.stack(results, 1).flatten(0, 1)


def lazy_adam(parameters: Any, rate: float, every: int) -> torch.optim.Adam:
    """Adam, slowed down by as much as a lazy penalty adds steps (StyleGAN2, appendix B).

    The fused one, since it can leave out a step without the host's help (see SkipNonfinite).

    Args:
        parameters: or groups of such, with their own `lr` for those that do not learn at `rate`.
        rate: learning rate.
        every: batches between two steps on the penalty; 0: there is none.
    """
    share = every / (every + 1) if every else 1.0
    groups = list(parameters)
    if isinstance(groups[0], dict):
        groups = [{**group, "lr": group.get("lr", rate) * share} for group in groups]
    return torch.optim.Adam(groups, rate * share, (0.0, 0.99**share), fused=True)


def approach(mean: Tensor, value: Tensor, decay: float) -> None:
    """Move a running mean towards the mean of all processes' values, unless that is not finite."""
    distributed.average_([value])
    mean.lerp_(finite_or(value, mean), 1 - decay)


def finite_or(value: Tensor, other: Tensor) -> Tensor:
    """A value, or the other where it is not finite."""
    return torch.where(value.isfinite(), value, other)


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
