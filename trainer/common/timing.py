"""Times of training steps without Lightning, and of named calls inside them: for benchmarks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from clipface.evaluation.timing import synchronized_time


def time_steps(step: Callable[[], Any], count: int, device: torch.device) -> float:
    """Take `count` steps; returns seconds, with all that the device was given done."""
    begin = synchronized_time(device)
    for _ in range(count):
        step()
    return synchronized_time(device) - begin


@contextmanager
def timed_calls(calls: Mapping[str, tuple[Any, str]], device: torch.device) -> Iterator[dict[str, list[float]]]:
    """Time methods while the block runs.

    The device is waited for around each call, so the sum of all parts is more than a step takes.

    Args:
        calls: an object and the name of its method, by the name to show.
        device: that they run on.

    Yields:
        Milliseconds of each call, by name.

    Example:
        >>> with timed_calls({"renderer": (avatar.renderer, "forward")}, device) as spent:
        ...     time_steps(step, 20, device)
        >>> print_calls(spent, 20)
    """
    spent: dict[str, list[float]] = {name: [] for name in calls}

    def timed(name: str, function: Callable) -> Callable:
        def call(*arguments: Any, **options: Any) -> Any:
            begin = synchronized_time(device)
            result = function(*arguments, **options)
            spent[name].append(1000 * (synchronized_time(device) - begin))
            return result

        return call

    for name, (owner, method) in calls.items():
        setattr(owner, method, timed(name, getattr(owner, method)))
    try:
        yield spent
    finally:
        for owner, method in calls.values():
            delattr(owner, method)


def print_calls(spent: Mapping[str, list[float]], steps: int) -> None:
    """Print a table of what `timed_calls` measured: milliseconds of a call, and of all calls of a step."""
    print(f"{'part':14}{'ms each':>10}{'ms a step':>12}")
    for name, times in spent.items():
        print(f"{name:14}{sum(times) / max(1, len(times)):10.2f}{sum(times) / steps:12.2f}", flush=True)


def hardware(device: torch.device) -> str:
    """Name of the device, and PyTorch's version and threads."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    return f"{name}, torch {torch.__version__}"


def peak_memory(device: torch.device) -> str:
    """Most GPU memory in use since the start, as the end of a line; empty on a CPU."""
    return f", peak {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB" if device.type == "cuda" else ""
