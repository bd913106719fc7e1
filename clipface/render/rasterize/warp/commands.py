"""Launches of Warp kernels that are recorded once and then only given other arguments.

Recording, setting arguments and launching are `wp.Launch`'s public methods; `kernel.func` alone, for the kinds of the
arguments, is not documented.
"""

import ctypes
import threading
from typing import Any

import torch
import warp as wp

MOST_RECORDED = 8  # launches of one kernel with different dimensions that a thread remembers
_overloads: dict[wp.Kernel, dict[str, Any]] = {}


def overload(kernel: wp.Kernel, dtype: type) -> wp.Kernel:
    """Return the overload of a generic kernel whose arrays of `Any` hold `dtype`."""
    kinds = {
        name: wp.array(dtype=dtype) if getattr(kind, "dtype", None) is Any else kind
        for name, kind in kernel.func.__annotations__.items()
    }
    made = wp.overload(kernel, kinds)
    _overloads[made] = kinds
    return made


class _Recorded:
    """A kernel's launch, recorded once: later launches only write pointers and numbers into its arguments.

    `wp.launch` takes several times as long as a small kernel does.
    """

    def __init__(self, kernel: wp.Kernel, dimensions: tuple[int, ...], device: str) -> None:
        kinds = list((_overloads.get(kernel) or kernel.func.__annotations__).values())
        blank = [kind() if isinstance(kind, type) else None for kind in kinds]  # None: an array
        self.command = wp.launch(kernel, dimensions, blank, device=device, record_cmd=True, record_tape=False)
        self.arrays: list[tuple[int, ctypes.Structure]] = []
        self.numbers: list[int] = []
        for i, kind in enumerate(kinds):
            if isinstance(kind, type):
                self.numbers.append(i)
            else:
                described = _flat(kind.dtype)
                self.command.set_param_at_index_from_ctype(i, described)
                self.arrays.append((i, described))
        self.given: list = [None] * len(kinds)

    def __call__(self, arguments: list, stream: Any | None) -> None:
        """Launch on arguments: numbers, tuples for a vector of numbers, contiguous tensors, None for one missing."""
        for i, described in self.arrays:
            tensor = arguments[i]
            if tensor is None:
                described.data = 0
            else:
                assert tensor.is_contiguous(), "kernels index flat memory"
                described.data = tensor.data_ptr()
        given = self.given
        for i in self.numbers:
            if arguments[i] != given[i]:
                given[i] = arguments[i]
                self.command.set_param_at_index(i, given[i])
        self.command.launch(stream)


def _flat(dtype: type) -> ctypes.Structure:
    """A descriptor of a flat array without its pointer, as long as need be: the kernels mind their bounds."""
    vector = issubclass(dtype, ctypes.Array)  # of float32, as all the kernels' vectors are
    one = torch.empty(1, len(dtype())) if vector else torch.empty(1, dtype=wp.dtype_to_torch(dtype))
    described = wp.from_torch(one, dtype=dtype, return_ctype=True)
    described.shape[0] = 2**31 - 1
    return described


class _Commands(threading.local):
    """Each thread's own recorded launches, since they are written to: by kernel and device, then by dimensions."""

    def __init__(self) -> None:
        self.recorded: dict[tuple[wp.Kernel, torch.device], dict[tuple[int, ...], _Recorded]] = {}


_commands = _Commands()


def recorded(kernel: wp.Kernel, dimensions: tuple[int, ...], device: torch.device) -> _Recorded:
    """This thread's recorded launch of a kernel; the first one of a module compiles and loads it."""
    known = _commands.recorded.setdefault((kernel, device), {})
    command = known.get(dimensions)
    if command is None:
        if len(known) < MOST_RECORDED:
            command = _Recorded(kernel, dimensions, str(device))
        else:  # sizes that change from step to step: the oldest launch is given other dimensions
            command = known.pop(next(iter(known)))
            command.command.set_dim(dimensions)
        known[dimensions] = command
    return command
