"""Where a run of several stages stands: by its steps or by its minutes, whichever is nearer to the end."""

import time
from collections.abc import Sequence
from itertools import accumulate

import torch

from trainer.common import distributed

CLOCK_EVERY = 10  # batches between two looks at the clock, which several processes must agree on


class StagePlan:
    """The stage and the learning rates' factor of each batch.

    With steps alone it depends on the number of the batch only, so a resumed run goes on exactly; with minutes, on the
    time trained so far, which a checkpoint keeps.

    Args:
        shares: of the stages, relative to each other.
        steps: batches of the run.
        minutes: of the run; None: no limit.
        cool: last part of the run, in which the factor falls.
        cool_to: what it falls to.
    """

    def __init__(self, shares: Sequence[float], steps: int, minutes: float | None, cool: float, cool_to: float) -> None:
        self.ends = [end / sum(shares) for end in accumulate(shares)]
        self.steps, self.minutes, self.cool, self.cool_to = steps, minutes, cool, cool_to
        self.seconds = 0.0  # trained so far, as all processes know it
        self._started: float | None = None

    def start(self) -> None:
        """Let the time run, on from `seconds`."""
        self._started = time.monotonic() - self.seconds

    def look(self, batches: int, device: torch.device) -> None:
        """Look at the first process's clock, now and then."""
        if self.minutes and self._started is not None and batches % CLOCK_EVERY == 0:
            passed = time.monotonic() - self._started
            self.seconds = distributed.of_first(passed, device) if distributed.count() > 1 else passed

    def done(self, batches: int) -> float:
        """How much of the run is over, 0 to 1 or a little more."""
        by_time = self.seconds / (60 * self.minutes) if self.minutes else 0.0
        return max(batches / self.steps, by_time)

    def stage(self, batches: int) -> int:
        """Number of the stage, from 0."""
        done = self.done(batches)
        return sum(done >= end for end in self.ends[:-1])

    def factor(self, batches: int) -> float:
        """Of the learning rates: 1, and in the last part of the run down to `cool_to`."""
        left = 1 - self.done(batches)
        return 1.0 if left >= self.cool else max(self.cool_to, left / self.cool)
