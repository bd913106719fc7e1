"""Launches of Warp kernels that are prepared once and then only given other arguments."""

import ctypes
import struct
import threading
from typing import NamedTuple

import torch
import warp as wp

MOST_RECORDED = 8  # launches of one kernel with different dimensions that a thread remembers
ALIGNMENT = 8  # bytes, of the largest number or pointer among a kernel's arguments


class Stream(NamedTuple):
    """All that a launch needs of PyTorch's stream; a `wp.Stream` could not be made while a graph is captured."""

    cuda_stream: int


class _Recorded:
    """A kernel's launch, prepared once: later launches only write pointers and numbers into its arguments.

    `wp.launch` takes several times as long as a small kernel does. All arguments lie in one block of memory, as their
    kinds say, so that one call of `struct` writes them.
    """

    def __init__(self, kernel: wp.Kernel, dimensions: tuple[int, ...], device: str) -> None:
        blank = [a.type() if isinstance(a.type, type) else None for a in kernel.adj.args]  # None: an array
        self.command = wp.launch(kernel, dimensions, blank, device=device, record_cmd=True, record_tape=False)
        self.values: list = []  # what is written: an array's pointer and what describes it, or a number
        self.arrays, self.numbers = [], []  # (which argument, its place in `values`)
        layout = "="
        for i, (argument, slot) in enumerate(zip(kernel.adj.args, self.command.params[1:], strict=True)):
            if isinstance(argument.type, type):
                self.numbers.append((i, len(self.values)))
                code = {wp.int32: "i", wp.float32: "f"}.get(argument.type, f"{ctypes.sizeof(slot)}s")
                layout += code + f"{-struct.calcsize('=' + code) % ALIGNMENT}x"
                self.values.append(0)
            else:
                self.arrays.append((i, len(self.values)))
                described = _flat(slot, argument.type)
                layout += f"Q{len(described)}s"
                self.values += [0, described]
        self.pack = struct.Struct(layout).pack_into
        self.memory = ctypes.create_string_buffer(struct.calcsize(layout))
        self._place_arguments()

    def _place_arguments(self) -> None:
        """Have the launch read its arguments from `memory`."""
        at, addresses = 0, self.command.params_addr  # none on the CPU
        for i, slot in enumerate(self.command.params[1:], 1):  # the launch's dimensions come first
            self.command.params[i] = type(slot).from_buffer(self.memory, at)
            if addresses:
                addresses[i] = ctypes.addressof(self.command.params[i])
            at += ctypes.sizeof(slot) + -ctypes.sizeof(slot) % ALIGNMENT

    def __call__(self, arguments: list, stream: Stream | None) -> None:
        """Launch on arguments: numbers, bytes for a vector of numbers, contiguous tensors, None for one missing."""
        values = self.values
        for i, k in self.arrays:
            tensor = arguments[i]
            if tensor is None:
                values[k] = 0
            else:
                assert tensor.is_contiguous(), "kernels index flat memory"
                values[k] = tensor.data_ptr()
        for i, k in self.numbers:
            values[k] = arguments[i]
        self.pack(self.memory, 0, *values)
        self.command.launch(stream)


def _flat(array: ctypes.Structure, kind: wp.array) -> bytes:
    """What follows the pointer in a kernel's array argument that is flat, and as long as need be.

    The kernels mind their bounds.
    """
    array.ndim, array.shape[0], array.strides[0] = 1, 2**31 - 1, wp.types.type_size_in_bytes(kind.dtype)
    return bytes(array)[ctypes.sizeof(ctypes.c_uint64) :]


class _Commands(threading.local):
    """Each thread's own recorded launches, since they are written to: by kernel and device, then by dimensions."""

    def __init__(self) -> None:
        self.recorded: dict[tuple[wp.Kernel, torch.device], dict[tuple[int, ...], _Recorded]] = {}


_commands = _Commands()


def recorded(kernel: wp.Kernel, dimensions: tuple[int, ...], device: torch.device) -> _Recorded:
    """This thread's prepared launch of a kernel; the first one of a module compiles and loads it."""
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
