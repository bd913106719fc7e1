"""An editor that is ended while it works for tabs: no abort, nothing said, nothing left at work."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")

# With the page's own limit, or none: as on a machine so busy that nothing ends in time.
PROGRAM = """
import runpy, signal
from clipface.view.server import start
signal.signal(signal.SIGINT, signal.default_int_handler)  # which is ignored where tests run in the background
start.LONGEST_END = {seconds}
runpy.run_module("clipface.view", run_name="__main__", alter_sys=True)
"""
LONGEST = 120  # seconds; other tests may share the cores
CANVAS = 900, 1400
STARVED, PAUSE, RUNS = 12.0, 0.4, 0.02  # seconds that it is starved; of each pause; that it runs in between


@contextmanager
def editor(data, folder, seconds: float) -> Iterator[tuple[subprocess.Popen, str]]:
    """A running editor and its address."""
    given = ["--port", "0", "--runs", str(folder / "runs"), "--generator", str(data / "generator.safetensors")]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(seconds=seconds), *given],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    late = threading.Timer(LONGEST, process.kill)
    late.start()
    try:
        lines = [process.stdout.readline(), process.stdout.readline()]
        yield process, lines[1].split()[1]
    finally:
        late.cancel()
        process.kill()


def play(visitor) -> None:
    """Have the head turn, until images come."""
    visitor.set("Turntable", True)
    visitor.press("Play")
    count = len(visitor.images)
    while len(visitor.images) < count + 3:
        time.sleep(0.01)


def test_an_end_while_it_draws_and_trains_is_quiet_and_leaves_nothing(data, tmp_path):
    from page_visitor import Visitor

    with editor(data, tmp_path, 10.0) as (process, address), Visitor(address + "a-session-name", CANVAS) as visitor:
        visitor.set("Prompt", "a photo of an old person")
        visitor.press("Train this prompt")
        visitor.wait("is in training")
        play(visitor)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=LONGEST) == ("\nbye\n", "") and process.returncode == 0
    assert not [*(tmp_path / "runs").iterdir()], "the training's folder is gone"
    for words in Path("/proc").glob("[0-9]*/cmdline"):  # of Linux
        with suppress(OSError):  # it has just ended
            assert str(tmp_path).encode() not in words.read_bytes(), words


def test_an_end_on_a_machine_that_hardly_runs_it_is_quiet_too(data, tmp_path):
    from page_visitor import Visitor

    with editor(data, tmp_path, 0.0) as (process, address), Visitor(address + "a-session-name", CANVAS) as visitor:
        play(visitor)
        process.send_signal(signal.SIGTERM)
        until = time.monotonic() + STARVED
        while process.poll() is None and time.monotonic() < until:
            process.send_signal(signal.SIGSTOP)
            time.sleep(PAUSE)
            process.send_signal(signal.SIGCONT)
            time.sleep(RUNS)
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out, err) == (0, "", "")
