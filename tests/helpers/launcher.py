"""Commands as processes of their own, which are children of a process that has the libraries imported already.

`python -m trainer.mapper` spends seconds importing PyTorch and Lightning. A child of `_serve` is a process as that one
is, with its arguments, folder, environment, output, signals and exit code, and runs the project's modules from their
first line; only other people's are there already.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
SECONDS = 300  # that a process may take
IMPORTED = ("torch", "torchvision", "pytorch_lightning", "open_clip", "hydra", "scipy.signal", "warp", "av")
LONGEST_REQUEST = 1 << 20
CALL = "--call"  # a function of a file instead of a command


class Command:
    """A running command: its output, its errors in it, and how it ends."""

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Start `python <arguments>`, which begin with a script's path, or with -m and a module's name."""
        (reading, writing), (self._link, other) = os.pipe(), socket.socketpair()
        request = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
        socket.send_fds(_server(), [json.dumps(request).encode()], [writing, other.fileno()])
        os.close(writing)
        other.close()
        self._link.settimeout(3 * SECONDS)  # the server may have to import first, on a busy machine
        self._told = self._link.makefile()
        self.pid = int(self._told.readline())
        self.stdout: IO[bytes] = open(reading, "rb", buffering=0)
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def finish(self) -> str:
        """Everything that it still writes until its end."""
        ended = threading.Timer(SECONDS, self.send_signal, [signal.SIGKILL])
        ended.start()
        with self.stdout:
            rest = self.stdout.read()
        self.returncode = int(self._told.readline())
        ended.cancel()
        return rest.decode(errors="replace")


def start(*arguments: str, folder: Path = ROOT, **environment: str) -> Command:
    """Start a command of the project."""
    return Command(arguments, folder, {**os.environ, "PYTHONPATH": str(ROOT), **environment})


def run(*arguments: str, folder: Path = ROOT, **environment: str) -> tuple[int, str]:
    """Run a command of the project to its end: its exit code, and what it wrote."""
    command = start(*arguments, folder=folder, **environment)
    written = command.finish()
    return command.returncode, written


def pair(file: str, function: str, *arguments: object) -> None:
    """Call a function of a test's file in two processes, as torchrun starts them.

    Args:
        file: the test's `__file__`.
        function: its name; it gets the process's number, 0 or 1, and the other arguments as words.
    """
    places = _torchrun() | {"LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0"}
    words = [str(argument) for argument in arguments]
    both = [start(CALL, file, function, *words, RANK=str(n), LOCAL_RANK=str(n), **places) for n in range(2)]
    written = [command.finish() for command in both]
    assert [command.returncode for command in both] == [0, 0], "\n".join(written)


def nodes(*arguments: str) -> list[Command]:
    """Start a command twice, as torchrun does on two machines with a process each."""
    places = _torchrun() | {"LOCAL_WORLD_SIZE": "1", "LOCAL_RANK": "0"}
    return [start(*arguments, RANK=str(n), GROUP_RANK=str(n), **places) for n in range(2)]


def _torchrun() -> dict[str, str]:
    """What torchrun tells its processes, all on this machine, of a world of two."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    return {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "test"}


@cache
def _server() -> socket.socket:
    """A link to the process whose children commands are."""
    link, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    # A session of its own, which Ctrl-C does not reach: it ends when the link does.
    words = [sys.executable, __file__, str(other.fileno())]
    subprocess.Popen(words, pass_fds=[other.fileno()], env=environment, start_new_session=True)
    other.close()
    atexit.register(link.close)
    return link


def _serve(link: socket.socket) -> None:
    """Start what is asked for until nobody asks any more; returns in each child."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, files, _, _ = socket.recv_fds(link, LONGEST_REQUEST, 2)
        if not message:
            os._exit(0)
        if not os.fork():
            break
        for each in files:
            os.close(each)
    # Between the server and the command: waits for it, and tells how it ended.
    link.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output, told = files
    if child := os.fork():
        os.close(output)
        os.write(told, f"{child}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(told, f"{code}\n".encode())
        os._exit(0)
    os.close(told)
    _become(json.loads(message), output)


def _become(request: dict, output: int) -> None:
    """Be the command that is asked for."""
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    sys.stdin, sys.stdout = open(0), open(1, "w")
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    first, *rest = request["arguments"]
    if first == CALL:
        file, function, *words = rest
        runpy.run_path(file)[function](int(os.environ["RANK"]), *words)
    elif first == "-m":
        sys.path[0], sys.argv = request["folder"], rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0], sys.argv = str(Path(first).resolve().parent), [first, *rest]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    from importlib import import_module

    from clipface import startup

    startup.prepare()
    for each in IMPORTED:
        import_module(each)
    gc.collect()
    gc.freeze()  # or each child copies all of it when it ends
    _serve(socket.socket(fileno=int(sys.argv[1])))
