"""How Warp kernels are run on tensors: lazy start, PyTorch's stream on CUDA, several threads on the CPU, same sums."""

import atexit
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache, wraps
from pathlib import Path
from typing import Any, NamedTuple

import torch
import warp as wp
from torch import Tensor

from clipface import startup
from clipface.render.rasterize.warp.commands import recorded

MOST_THREADS = 8  # each may need its own copy of a gradient buffer
LEAST_WORK = 20_000  # kernel threads that are worth one more CPU thread, which costs about 0.1 ms
TILES, TILE_HEIGHT, TILE_WIDTH = -1, 4, 8  # see `native.place`
_loaded: set[wp.Module] = set()
_raw_stream = getattr(torch._C, "_cuda_getCurrentRawStream", None)


@cache
def start() -> None:
    """Start Warp, once, without its banner."""
    wp.config.log_level = wp.LOG_ERROR
    # Warp remarks on standard error that a machine has no CUDA driver, which alarms users who do not want one.
    place = kernel_cache()
    if place is not None:
        wp.config.kernel_cache_dir = place
    with nullcontext() if torch.cuda.is_available() else _silent_standard_error():
        wp.init()


def kernel_cache() -> str | None:
    """A temporary folder for compiled kernels if nothing can be written to the usual one, with a warning; else None."""
    named = wp.config.kernel_cache_dir or os.environ.get("WARP_CACHE_PATH")
    if not named and sys.platform != "linux":
        return None  # elsewhere a user's cache is the user's own
    usual = Path(named or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "warp")
    try:
        usual.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=usual):
            return None
    except (OSError, RuntimeError) as error:
        place = tempfile.mkdtemp(prefix="warp_")
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        startup.warn(
            [
                f"compiled kernels cannot be kept in {usual} ({error}); they go to a temporary folder and are compiled "
                "again by each command, which takes a minute; the variable WARP_CACHE_PATH names another folder"
            ]
        )
        return place


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
def _pool(process: int) -> ThreadPoolExecutor:  # the process is part of the key: threads do not survive a fork
    return ThreadPoolExecutor(max_workers=MOST_THREADS - 1, thread_name_prefix="warp")


def threads(device: torch.device, work: int) -> int:
    """How many CPU threads share a launch of `work` kernel threads: at most PyTorch's number. One on CUDA."""
    if device.type != "cpu":
        return 1
    return max(1, min(torch.get_num_threads(), MOST_THREADS, work // LEAST_WORK))


class ThreadBuffer:
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
        count = threads(device, work)
        copies = 1 if images and images % count == 0 else count
        # Tensors of their own rather than views of one, which take longer to make than a launch does.
        if fill:
            self.parts = [torch.full(shape, fill, dtype=dtype, device=device) for _ in range(copies)]
        else:
            self.parts = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(copies)]

    def part(self, thread: int) -> Tensor:
        """The buffer that a thread writes into."""
        return self.parts[thread if len(self.parts) > 1 else 0]

    def sum(self) -> Tensor:
        """All threads' parts added; they are used up."""
        for part in self.parts[1:]:
            self.parts[0] += part
        return self.parts[0]

    def min(self) -> Tensor:
        """The smallest of all threads' parts; they are used up."""
        for part in self.parts[1:]:
            torch.minimum(self.parts[0], part, out=self.parts[0])
        return self.parts[0]


class _Stream(NamedTuple):
    """All that a launch needs of PyTorch's stream; a `wp.Stream` could not be made while a graph is captured."""

    cuda_stream: int


def _run_cuda(
    kernel: wp.Kernel, dimensions: tuple[int, ...], first: int, arguments: list, device: torch.device
) -> None:
    values = [a.parts[0] if type(a) is ThreadBuffer else a for a in arguments]
    values.insert(0, first)
    if _raw_stream is None:
        stream = torch.cuda.current_stream(device).cuda_stream
    else:  # the same without making a Stream object, which takes longer than all the rest of a launch
        stream = _raw_stream(device.index if device.index is not None else torch.cuda.current_device())
    recorded(kernel, dimensions, device)(values, _Stream(stream))


def launch(
    kernel: wp.Kernel,
    count: int,
    rest: tuple[int, ...],
    arguments: list,
    device: torch.device,
    work: int | None = None,
) -> None:
    """Run a kernel over (count, *rest); its first parameter, `start`, is filled in here.

    Args:
        kernel: a kernel whose first thread index counts from `start`.
        count: size of the first axis, which the CPU's threads share.
        rest: sizes of the further axes.
        arguments: what follows `start`: numbers, bytes for a vector of numbers, contiguous tensors, None for a tensor
            that is missing, and `ThreadBuffer` buffers.
        device: where the tensors live.
        work: how many kernel threads of the usual length the launch is worth, if its own are much longer.
    """
    if count == 0 or 0 in rest:
        return
    if device.type == "cuda":
        _run_cuda(kernel, (count, *rest), 0, arguments, device)
        return
    parts = min(threads(device, count * math.prod(rest) if work is None else work), count)
    bounds = [count * i // parts for i in range(parts + 1)]
    if kernel.module not in _loaded:  # compiling and loading a module is a matter for one thread
        recorded(kernel, (bounds[1], *rest), device)
        _loaded.add(kernel.module)

    def run(i: int) -> None:
        values = [a.part(i) if isinstance(a, ThreadBuffer) else a for a in arguments]
        recorded(kernel, (bounds[i + 1] - bounds[i], *rest), device)([bounds[i], *values], None)

    futures = [_pool(os.getpid()).submit(run, i) for i in range(1, parts)]
    run(0)
    for future in futures:
        future.result()


def launch_pixels(kernel: wp.Kernel, rows: int, width: int, arguments: list, device: torch.device) -> None:
    """Run a kernel over the pixels of `rows` rows, in tiles where the device is CUDA and the image can be cut so.

    The kernel must find its pixel with `native.place`; otherwise as `launch`. Its threads have one index, since
    Warp takes longer to find two than a simple kernel takes.
    """
    if device.type == "cuda" and rows > 0 and width > 0 and rows % TILE_HEIGHT == 0 and width % TILE_WIDTH == 0:
        _run_cuda(kernel, (rows * width,), TILES, arguments, device)
    else:
        launch(kernel, rows * width, (), arguments, device)


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
        if not torch.are_deterministic_algorithms_enabled():
            return backward(ctx, *gradients)
        device = next((g.device for g in gradients if g is not None), torch.device("cpu"))
        if device.type != "cuda":
            return backward(ctx, *gradients)
        results = backward(_OnCpu(ctx), *(_cpu(g) for g in gradients))
        return tuple(result.to(device) if isinstance(result, Tensor) else result for result in results)

    return run


def _cpu(tensor: Any) -> Any:
    return tensor.cpu() if isinstance(tensor, Tensor) else tensor
