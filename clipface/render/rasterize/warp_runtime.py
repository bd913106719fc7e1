"""How Warp kernels are run on tensors: lazy start, PyTorch's stream on CUDA, several threads on the CPU."""

import math
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

import torch
import warp as wp
from torch import Tensor

MOST_THREADS = 8  # each may need its own copy of a gradient buffer
LEAST_WORK = 20_000  # kernel threads that are worth one more CPU thread, which costs about 0.1 ms
TILES, TILE_HEIGHT, TILE_WIDTH = -1, 4, 8  # see `warp_native.place`
_loaded: set[wp.Module] = set()
_raw_stream = getattr(torch._C, "_cuda_getCurrentRawStream", None)


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


class _Stream(NamedTuple):
    """All that a launch needs of PyTorch's stream; a `wp.Stream` could not be made while a graph is captured."""

    cuda_stream: int


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
        if device.type == "cuda" and not fill:
            self.buffers = torch.zeros((1, *shape), dtype=dtype, device=device)
            return
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


class _Recorded:
    """A kernel's launch, prepared once: later launches only exchange pointers and numbers in it.

    `wp.launch` takes several times as long as a small kernel does.
    """

    def __init__(self, kernel: wp.Kernel, dimensions: tuple[int, ...], device: str) -> None:
        blank = [a.type() if isinstance(a.type, type) else None for a in kernel.adj.args]  # None: an array
        self.command = wp.launch(kernel, dimensions, blank, device=device, record_cmd=True, record_tape=False)
        self.dimensions = dimensions
        slots = self.command.params[1:]
        kinds = [argument.type for argument in kernel.adj.args]
        self.arrays = [(i, slot) for i, slot in enumerate(slots) if not isinstance(kinds[i], type)]
        self.numbers = [(i, slot) for i, slot in enumerate(slots) if isinstance(kinds[i], type)]
        self.pick = itemgetter(0, *[i for i, _ in self.numbers])  # at least two, so that a tuple comes back
        self.picked: tuple = ()
        for i, slot in self.arrays:  # flat, and as long as need be: the kernels mind their bounds
            slot.ndim, slot.shape[0] = 1, 2**31 - 1
            slot.strides[0] = wp.types.type_size_in_bytes(kinds[i].dtype)

    def __call__(self, dimensions: tuple[int, ...], values: list, stream: _Stream | None) -> None:
        if dimensions != self.dimensions:
            self.command.set_dim(dimensions)
            self.dimensions = dimensions
        for i, slot in self.arrays:
            tensor = values[i]
            if tensor is None:
                slot.data = 0
            else:
                assert tensor.is_contiguous(), "kernels index flat memory"
                slot.data = tensor.data_ptr()
        picked = self.pick(values)
        if picked != self.picked:
            for i, slot in self.numbers:
                if isinstance(values[i], tuple):
                    slot[:] = values[i]
                else:
                    slot.value = values[i]
            self.picked = picked
        self.command.launch(stream)


class _Commands(threading.local):
    """Each thread's own recorded launches, since they are written to."""

    def __init__(self) -> None:
        self.recorded: dict[tuple[Any, str], _Recorded] = {}


_commands = _Commands()


def _run(kernel: wp.Kernel, dimensions: tuple[int, ...], values: list, device: str, stream: _Stream | None) -> None:
    recorded = _commands.recorded.get((kernel, device))
    if recorded is None:
        recorded = _commands.recorded[kernel, device] = _Recorded(kernel, dimensions, device)
    recorded(dimensions, values, stream)


def _run_cuda(
    kernel: wp.Kernel, dimensions: tuple[int, ...], first: int, arguments: list, device: torch.device
) -> None:
    values = [first, *[a.buffers[0] if isinstance(a, Shared) else a for a in arguments]]
    if _raw_stream is None:
        stream = torch.cuda.current_stream(device).cuda_stream
    else:  # the same without making a Stream object, which takes longer than all the rest of a launch
        stream = _raw_stream(device.index if device.index is not None else torch.cuda.current_device())
    _run(kernel, dimensions, values, _name(device), _Stream(stream))


def launch(kernel: wp.Kernel, count: int, rest: tuple[int, ...], arguments: list, device: torch.device) -> None:
    """Run a kernel over (count, *rest); its first parameter, `start`, is filled in here.

    Args:
        kernel: a kernel whose first thread index counts from `start`.
        count: size of the first axis, which the CPU's threads share.
        rest: sizes of the further axes.
        arguments: what follows `start`: numbers, tuples of numbers, contiguous tensors, None for a tensor that is
            missing, and `Shared` buffers.
        device: where the tensors live.
    """
    if count == 0 or 0 in rest:
        return
    if device.type == "cuda":
        _run_cuda(kernel, (count, *rest), 0, arguments, device)
        return
    parts = min(threads(device, count * math.prod(rest)), count)
    if kernel.module not in _loaded:  # a module's first launch compiles and loads it: a matter for one thread
        _loaded.add(kernel.module)
        parts = 1
    bounds = [count * i // parts for i in range(parts + 1)]

    def run(i: int) -> None:
        values = [a.part(i) if isinstance(a, Shared) else a for a in arguments]
        _run(kernel, (bounds[i + 1] - bounds[i], *rest), [bounds[i], *values], "cpu", None)

    futures = [_pool(os.getpid()).submit(run, i) for i in range(1, parts)]
    run(0)
    for future in futures:
        future.result()


def launch_pixels(kernel: wp.Kernel, rows: int, width: int, arguments: list, device: torch.device) -> None:
    """Run a kernel over the pixels of `rows` rows, in tiles where the device is CUDA and the picture can be cut so.

    The kernel must find its pixel with `warp_native.place`; otherwise as `launch`.
    """
    if device.type == "cuda" and rows > 0 and width > 0 and rows % TILE_HEIGHT == 0 and width % TILE_WIDTH == 0:
        _run_cuda(kernel, (rows, width), TILES, arguments, device)
    else:
        launch(kernel, rows, (width,), arguments, device)


@cache
def _name(device: torch.device) -> str:
    return str(device)
