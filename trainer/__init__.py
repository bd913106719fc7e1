"""Trainings: Lightning and Hydra around the method in `clipface`."""

import ctypes
import os
import sys

# Read when PyTorch is first imported. Without it, idle OpenMP threads spin on the cores that the renderer's kernels and
# the user's other programs need: on two busy cores a picture then takes ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed instead of giving it back and asking for it again, page by page, at every step.

    A step on a CPU allocates and frees the same hundreds of megabytes; it then takes a quarter less time.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library, as in Alpine Linux
        return
    m_trim_threshold, m_mmap_max = -1, -4  # from malloc.h
    mallopt(m_trim_threshold, -1)  # never shrink the heap
    mallopt(m_mmap_max, 0)  # large blocks in the heap too


_keep_freed_memory()
