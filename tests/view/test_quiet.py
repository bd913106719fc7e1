"""The terminal of a running editor speaks only of what a person must know, and no more is loaded than that needs."""

import os
import signal
import subprocess
import sys
import threading

import pytest

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")

# What takes seconds of processor time to load, and serves trainers, photographs or torch's compiler.
HEAVY = ("torch._dynamo", "sympy", "pandas", "scipy.interpolate", "onnxruntime", "pytorch_lightning", "torchvision")
PROGRAM = f"""
import atexit, runpy, sys
atexit.register(lambda: print([name for name in {HEAVY} if name in sys.modules]))
runpy.run_module("clipface.view", run_name="__main__", alter_sys=True)
"""
LONGEST = 120  # seconds until the page is there; other tests may share the cores


def test_a_visit_leaves_no_line_in_the_terminal(data, runs):
    from viser_tab import ViserTab

    words = ["--port", "0", "--runs", str(runs), "--generator", str(data / "generator.safetensors")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    editor = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    late = threading.Timer(LONGEST, editor.kill)
    late.start()
    try:
        lines = [editor.stdout.readline(), editor.stdout.readline()]
        port = int(lines[1].split()[1].rstrip("/").rpartition(":")[2])
        with ViserTab(port) as tab:  # stays until it is drawn
            tab.until("BackgroundImageMessage")
        with ViserTab(port):  # gone before it is drawn
            pass
        editor.send_signal(signal.SIGTERM)
        out, err = editor.communicate(timeout=LONGEST)
    finally:
        late.cancel()
        editor.kill()
    assert lines[0].startswith("Start the editor") and lines[1].startswith("Open http://127.0.0.1:")
    assert (out, err) == ("[]\n", "")
    assert editor.returncode == 0
