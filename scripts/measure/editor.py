"""Keeps several tabs of the editor busy, without a browser, and prints how much memory the server takes.

python scripts/measure/editor.py --minutes 30 --tabs 4
python scripts/measure/editor.py --minutes 2 --tabs 1                               # a first look
python scripts/measure/editor.py --minutes 30 --tabs 4 --seed 1                     # other acts

Each tab turns its camera, drags sliders, types prompts and takes other faces, at random, one after the other.
"""

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Sequence

from clipface import startup

SIZE = 1400, 900  # pixels of a tab
PAUSE = 0.1  # seconds between a tab's acts
QUICK = 0.005  # seconds that a tab waits for what the editor has sent
LINE_EVERY = 60.0  # seconds
WORDS = ("zombie", "clown", "an old man", "a tired woman with red lipstick", "vampire", "a statue", "freckles")
MIB = 1024  # of the kibibytes in which Linux counts


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--tabs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--editor", nargs=argparse.REMAINDER, default=[], help="options of python -m clipface.view")
    return parser.parse_args(arguments)


class Tab:
    """One tab: what a browser would send."""

    def __init__(self, port: int, name: str, chance: random.Random) -> None:
        """Args: port: of the editor; name: of the session; chance: what it does."""
        import viser
        from websockets.sync.client import connect

        protocols = [f"viser-v{viser.__version__}"]
        self._socket = connect(f"ws://127.0.0.1:{port}/{name}", subprotocols=protocols, max_size=None)
        self._chance, self.widgets, self.received = chance, {}, 0
        self.turn()

    def send(self, kind: str, **fields: object) -> None:
        """Send one of viser's messages."""
        import msgspec

        self._socket.send(msgspec.msgpack.encode({"type": kind, **fields}))

    def read(self) -> None:
        """Take what the editor has sent: the page's widgets, and images."""
        import msgspec
        import zstandard

        while True:
            try:
                raw = self._socket.recv(timeout=QUICK)
            except TimeoutError:
                return
            self.received += len(raw)
            size = int.from_bytes(raw[8:16], "little")
            content = zstandard.ZstdDecompressor().decompress(raw[16 : 16 + size])
            for message in msgspec.msgpack.decode(content)["messages"]:
                if message["type"] in ("GuiSliderMessage", "GuiTextMessage", "GuiNumberMessage"):
                    self.widgets[message["uuid"]] = message

    def turn(self) -> None:
        """Look from elsewhere."""
        place = self._chance.uniform(-0.4, 0.4), self._chance.uniform(-0.2, 0.2), self._chance.uniform(0.4, 0.9)
        self.send(
            "ViewerCameraMessage", wxyz=(1, 0, 0, 0), position=place, fov=0.5, near=0.01, far=1000.0,
            image_height=SIZE[1], image_width=SIZE[0], look_at=(0.0, 0.01, 0.0), up_direction=(0.0, 1.0, 0.0),
        )  # fmt: skip

    def act(self) -> None:
        """Do one thing at random, most often turn."""
        self.read()
        widget = self._chance.choice(list(self.widgets.values()) or [None])
        if widget is None or self._chance.random() < 0.4:
            self.turn()
            return
        value: object = self._chance.choice(WORDS)
        if widget["type"] == "GuiNumberMessage":
            value = self._chance.randrange(1000)
        elif widget["type"] == "GuiSliderMessage":
            props = widget["props"]
            value = self._chance.uniform(props["min"], props["max"])
        self.send("GuiUpdateMessage", uuid=widget["uuid"], updates={"value": value})


def memory(process: subprocess.Popen) -> tuple[float, float]:
    """Memory of a process now, and the most that it has had, MiB."""
    with open(f"/proc/{process.pid}/status") as status:
        found = dict(line.split(":", 1) for line in status)
    return tuple(int(found[name].split()[0]) / MIB for name in ("VmRSS", "VmHWM"))


def main(arguments: Sequence[str] | None = None) -> float:
    """Start an editor and use it until time is up; returns the most memory that it had, MiB."""
    options = parse(arguments)
    startup.announce(f"Use {options.tabs} tabs of the editor for {options.minutes:g} minutes")
    command = [sys.executable, "-m", "clipface.view", "--port", "0", *options.editor]
    editor = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        return _use(editor, options)
    finally:
        editor.terminate()
        editor.wait()


def _use(editor: subprocess.Popen, options: argparse.Namespace) -> float:
    address = next((line for line in editor.stdout if line.startswith("Open ")), "")
    if not address:
        raise SystemExit("the editor did not start; it says why above")
    port, chance = int(address.split()[1].rstrip("/").rpartition(":")[2]), random.Random(options.seed)
    tabs = [Tab(port, f"soak-tab-{number}", chance) for number in range(options.tabs)]
    start = shown = time.monotonic()
    acts = 0
    while (now := time.monotonic()) - start < 60 * options.minutes:
        if now - shown >= LINE_EVERY or not acts:
            shown = now
            _say(editor, tabs, acts, now - start)
        for tab in tabs:
            tab.act()
        acts += len(tabs)
        time.sleep(PAUSE)
    return _say(editor, tabs, acts, time.monotonic() - start)


def _say(editor: subprocess.Popen, tabs: list[Tab], acts: int, seconds: float) -> float:
    used, most = memory(editor)
    sent = sum(tab.received for tab in tabs) / 1e6
    print(f"{seconds / 60:5.1f} min: {used:5.0f} MiB, at most {most:5.0f} MiB; {acts} acts, {sent:.0f} MB", flush=True)
    return most


if __name__ == "__main__":
    main()
