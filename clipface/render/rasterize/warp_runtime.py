"""How Warp kernels are run on tensors: lazy start, PyTorch's stream on CUDA, several threads on the CPU."""

import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache

import torch
import warp as wp
from torch import Tensor

MOST_THREADS = 8  # each may need its own copy of a gradient buffer
LEAST_WORK = 50_000  # kernel threads that are worth one more CPU thread, which costs about 0.1 ms
_loaded: set[wp.Module] = set()
_WARP = {torch.float32: float, torch.int64: wp.int64}


@cache
def start() -> None:
    """Start Warp, once, without its banner."""
    if hasattr(wp.config, "log_level"):
        wp.config.log_level = wp.LOG_ERROR
    else:
        wp.config.quiet = True
    # Warp remarks on standard error that a machine has no CUDA driver, which alarms users who do not want one.
    with nullcontext() if torch.cuda.is_available() else _silent_standard_error():
        wp.init()


@contextmanager
def _silent_standard_error() -> Iterator[None]:
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@cache
def _stream(device: str, handle: int) -> wp.Stream:
    return wp.Stream(device, cuda_stream=handle)


@cache
def _pool(process: int) -> ThreadPoolExecutor:  # the process is part of the key: threads do not survive a fork
    return ThreadPoolExecutor(max_workers=MOST_THREADS - 1, thread_name_prefix="warp")


def threads(device: torch.device, work: int) -> int:
    """How many CPU threads share a launch of `work` kernel threads: at most PyTorch's number. One on CUDA."""
    if device.type != "cpu":
        return 1
    return max(1, min(torch.get_num_threads(), MOST_THREADS, work // LEAST_WORK))


class Shared:
    """A buffer that a launch writes into at random places: one copy a CPU thread where they could meet, else one.

    CPU threads share `images` images of equal work, so they never meet in a buffer that has one part an image when
    their number divides the images. CUDA has atomic operations and needs one copy.

    Args:
        shape: of one copy.
        device: where it lives.
        images: how many images the launch goes over if `shape` has a part for each, else 0.
        work: how many kernel threads the launch has.
        fill: what it holds at first.
        dtype: of its numbers.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        device: torch.device,
        images: int,
        work: int,
        fill: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        parts = threads(device, work)
        copies = 1 if images and images % parts == 0 else parts
        self.buffers = torch.full((copies, *shape), fill, dtype=dtype, device=device)

    def part(self, thread: int) -> Tensor:
        """The buffer that a thread writes into."""
        return self.buffers[thread if len(self.buffers) > 1 else 0]

    def sum(self) -> Tensor:
        """All threads' parts added."""
        return self.buffers[0] if len(self.buffers) == 1 else self.buffers.sum(0)

    def min(self) -> Tensor:
        """The smallest of all threads' parts."""
        return self.buffers[0] if len(self.buffers) == 1 else self.buffers.amin(0)


def view(tensor: Tensor | None, dtype: type = float):
    """A contiguous tensor as a flat Warp argument, without a copy; None stays None."""
    if tensor is None:
        return None
    assert tensor.is_contiguous(), "kernels index flat memory"
    width = getattr(dtype, "_length_", 1)
    flat = tensor.detach().view(-1, width) if width > 1 else tensor.detach().view(-1)
    dtype = {float: wp.float32, int: wp.int32}.get(dtype, dtype)
    return wp.from_torch(flat, dtype=dtype, requires_grad=False, return_ctype=True)


def _arguments(arguments: list, thread: int) -> list:
    return [view(a.part(thread), _WARP[a.buffers.dtype]) if isinstance(a, Shared) else a for a in arguments]


def launch(kernel: wp.Kernel, count: int, rest: tuple[int, ...], arguments: list, device: torch.device) -> None:
    """Run a kernel over (count, *rest); its first parameter, `start`, is filled in here.

    Args:
        kernel: a kernel whose first thread index counts from `start`.
        count: size of the first axis, which the CPU's threads share.
        rest: sizes of the further axes.
        arguments: what follows `start`: numbers, `view`s and `Shared` buffers.
        device: where the tensors live.
    """
    if count == 0 or 0 in rest:
        return
    if device.type == "cuda":
        name = str(device)
        stream = _stream(name, torch.cuda.current_stream(device).cuda_stream)
        wp.launch(kernel, (count, *rest), [0, *_arguments(arguments, 0)], device=name, stream=stream, record_tape=False)
        return
    parts = min(threads(device, count * math.prod(rest)), count)
    if kernel.module not in _loaded:  # a module's first launch compiles and loads it: a matter for one thread
        _loaded.add(kernel.module)
        parts = 1
    bounds = [count * i // parts for i in range(parts + 1)]

    def run(i: int) -> None:
        wp.launch(
            kernel,
            (bounds[i + 1] - bounds[i], *rest),
            [bounds[i], *_arguments(arguments, i)],
            device="cpu",
            record_tape=False,
        )

    futures = [_pool(os.getpid()).submit(run, i) for i in range(1, parts)]
    run(0)
    for future in futures:
        future.result()
