"""Times of training steps without Lightning, and of named calls inside them: for benchmarks."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from clipface.evaluation.timing import synchronized_time


def time_steps(step: Callable[[], Any], count: int, device: torch.device) -> float:
    """Take `count` steps; returns seconds, with all that the device was given done."""
    begin = synchronized_time(device)
    for _ in range(count):
        step()
    return synchronized_time(device) - begin


def print_rate(step: Callable[[], Any], warm_up: int, count: int, images: int, device: torch.device) -> None:
    """Print samples (images) a second, milliseconds a step and the most GPU memory in use.

    Args:
        step: on `images` images.
        warm_up: steps before.
        count: steps that are timed.
        images: of a step.
        device: that they run on.
    """
    print(f"first {warm_up} steps: {time_steps(step, warm_up, device):.1f} s", flush=True)
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    seconds = time_steps(step, count, device)
    peak = f", peak {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB" if cuda else ""
    print(f"{images * count / seconds:.1f} samples/s, {1000 * seconds / count:.1f} ms a step{peak}", flush=True)


def print_parts(
    step: Callable[[], Any], count: int, calls: Mapping[str, tuple[Any, str]], device: torch.device
) -> None:
    """Take `count` steps and print milliseconds of each call of some methods, and of all calls of a step.

    The device is waited for around each call, so the sum of all parts is more than a step takes.

    Args:
        step: makes the calls.
        count: steps.
        calls: an object and the name of its method, by the name to show.
        device: that they run on.

    Example:
        >>> print_parts(step, 20, {"renderer": (avatar.renderer, "forward")}, device)
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
    time_steps(step, count, device)
    for owner, method in calls.values():
        delattr(owner, method)
    print(f"{'part':14}{'ms each':>10}{'ms a step':>12}")
    for name, times in spent.items():
        print(f"{name:14}{sum(times) / max(1, len(times)):10.2f}{sum(times) / count:12.2f}", flush=True)


def hardware(device: torch.device) -> str:
    """Name of the device, and PyTorch's version and threads."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    return f"{name}, torch {torch.__version__}"
