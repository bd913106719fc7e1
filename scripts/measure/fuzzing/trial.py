"""One try of a reader in a bounded child process, and what became of it. Linux."""

import os
import pickle
import resource
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

OUTCOMES = ("read", "refused", "crash", "hang", "raw", "memory")
SECONDS, WALL = 5, 30  # of processor time, and of a clock on a busy machine
TIMES, SPARE = 20, 200 << 20  # most memory: so many times the file, and bytes besides
ROOM = 3 << 30  # of addresses: more is refused by the system, so that one try cannot take the machine's memory


class Outcome(NamedTuple):
    """What became of a try: one of `OUTCOMES`, the error's type and message, and the most memory taken, bytes."""

    kind: str
    error: str = ""
    memory: int = 0


def attempt(
    read: Callable[[Path], object], path: Path, size: int, allowed: int = 0, named: tuple[str, ...] = ()
) -> Outcome:
    """Read a file in a child process.

    Args:
        read: the reader.
        path: given to it.
        size: of the file or files, bytes.
        allowed: further bytes that this reader may take, such as those of an image's pixels.
        named: names of further files that messages may be about.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _child(read, path, send, named)
    os.close(send)
    answer, status = _wait(child, receive)
    os.close(receive)
    if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)):
        return Outcome("hang", f"more than {SECONDS} s of processor time, or {WALL} s of waiting")
    if not answer:
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"code {os.WEXITSTATUS(status)}"
        return Outcome("crash", how)
    kind, error, memory = pickle.loads(answer)  # of our own child
    if kind in ("read", "refused") and memory > TIMES * size + SPARE + allowed:
        return Outcome("memory", f"{memory >> 20} MB for {size} bytes; {error}", memory)
    return Outcome(kind, error, memory)


def _wait(child: int, receive: int) -> tuple[bytes, int | None]:
    """The child's answer, and its status; None: it had to be ended."""
    ends, answer = time.monotonic() + WALL, b""
    while time.monotonic() < ends:
        if select.select([receive], [], [], 0.5)[0]:
            block = os.read(receive, 1 << 16)
            if not block:
                return answer, os.waitpid(child, 0)[1]
            answer += block
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return b"", None


def _child(read: Callable[[Path], object], path: Path, send: int, named: tuple[str, ...]) -> None:
    """Read, tell what happened, and end without the parent's clean-up."""
    try:
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS + 1, spent + SECONDS + 2))
        addresses = _status("VmSize") + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
        Path("/proc/self/clear_refs").write_text("5")  # forget the parent's peak
        before = _status("VmHWM")
        kind, error = _result(read, path, named)
        os.write(send, pickle.dumps((kind, error[:2000], _status("VmHWM") - before)))
    finally:
        os._exit(0)


def _result(read: Callable[[Path], object], path: Path, named: tuple[str, ...]) -> tuple[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except (ValueError, OSError) as error:
        return _judged(error, path, named)
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "raw", f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}, {where.name})"
    return "read", ""


def _judged(error: Exception, path: Path, others: tuple[str, ...]) -> tuple[str, str]:
    """A message that names the file, or the field of it, is ours; any other came through from a library."""
    words = f"{type(error).__name__}: {error}"
    names = {path.name, path.stem, *others}
    if os.path.isdir(path):
        names |= {file.name for file in path.rglob("*")}
    named = any(name and name in words for name in names)
    return ("refused" if named or isinstance(error, OSError) else "raw"), words


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    raise ValueError(f"status: expected {name}, got none")
