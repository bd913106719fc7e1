"""The process before PyTorch is imported: its settings, a command's first line, and packages that may be missing."""

import ctypes
import importlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterable
from types import ModuleType

_PACKAGES = {  # of Debian and Ubuntu, which have libraries that packages load
    "libGL.so.1": " (Debian, Ubuntu: apt install libgl1)",
    "libEGL.so.1": " (Debian, Ubuntu: apt install libegl1)",
    "libgthread-2.0.so.0": " (Debian, Ubuntu: apt install libglib2.0-0)",
    "libGLESv2.so.2": " (Debian, Ubuntu: apt install libgles2)",
}


def prepare() -> None:
    """Set what OpenMP and glibc read only once, before PyTorch is imported.

    Idle OpenMP threads otherwise spin on the cores that the renderer's kernels and the user's other programs need: on
    two busy cores an image then takes ten times as long. And glibc otherwise gives freed memory back and asks for it
    again, page by page, at every step: a step on a CPU then takes a quarter longer.
    """
    _print_anything()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library, as in Alpine Linux
        return
    m_trim_threshold, m_mmap_max = -1, -4  # from malloc.h
    mallopt(m_trim_threshold, -1)  # never shrink the heap
    mallopt(m_mmap_max, 0)  # large blocks in the heap too


def _print_anything() -> None:
    """Let names and words that the terminal's encoding lacks be printed as codes, where they would end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def share_memory() -> None:
    """Let all threads take memory from one heap, where glibc gives each a heap of its own, which others cannot use."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libc.so.6").mallopt(-8, 1)  # M_ARENA_MAX, from malloc.h
        except (OSError, AttributeError):  # another C library, as in Alpine Linux
            return


def announce(line: str) -> None:
    """Begin a command, before its heavy imports: prepare the process, and print at once what it is about to do."""
    prepare()
    print(line, flush=True)


def warn(lines: Iterable[str]) -> None:
    """Print warnings, a line each."""
    for line in lines:
        print(f"warning: {line}", file=sys.stderr, flush=True)


def exit_status(main: Callable[[], object]) -> int:
    """Run a command: 0, or 1 after a line that says what the user can mend; other errors show where they happened."""
    _print_anything()
    try:
        main()
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def need(package: str, remedy: str) -> ModuleType:
    """Import a package that only some commands need.

    Args:
        package: its module's name.
        remedy: what needs it, and how to install it; the error's message.

    Raises:
        ImportError: if it is missing, or a library that it loads is; says which.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ImportError(remedy) from error
    except ImportError as error:  # installed, but a library of the system is missing
        library = re.search(r"[\w.+-]+\.(?:so|dll|dylib)[\w.]*", str(error))
        named = f"install the system's {library[0]}{_PACKAGES.get(library[0], '')}" if library else "install it again"
        raise ImportError(f"{package} is installed but cannot be loaded ({error}); {named}") from error
