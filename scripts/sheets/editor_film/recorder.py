"""Records what a tab of headless Chromium shows, and writes it as a film of an even rate."""

import base64
import io
import json
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

PATIENCE = 60.0  # seconds
LONGEST_WAIT = 0.1  # seconds of the film between two images, however long the machine took
QUIET, LONGEST_QUIET = 3.0, 60.0  # seconds without another image, after which all is shown; and waited for that at most


class Recorder:
    """What Chromium paints in a tab, with times, by its own screencast."""

    def __init__(self, driver: Any) -> None:
        """Begin."""
        from websockets.sync.client import connect

        address = driver.capabilities["goog:chromeOptions"]["debuggerAddress"]
        with urllib.request.urlopen(f"http://{address}/json") as answer:
            target = next(one for one in json.load(answer) if one["type"] == "page")
        self.frames: list[tuple[float, bytes]] = []
        self._socket = connect(target["webSocketDebuggerUrl"], max_size=None)
        self._rests: list[tuple[float, float]] = []
        self._count, self._newest = 0, time.time()
        self._tell("Page.startScreencast", format="jpeg", quality=95)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def rest(self, seconds: float) -> None:
        """Wait until the page has shown all that it was asked for, and have the film stay there for a while.

        Of the images on the way, which a slow machine makes many of, the film shows the last one.
        """
        first, end = len(self.frames), time.time() + LONGEST_QUIET
        while time.time() < end and time.time() < self._newest + QUIET:
            time.sleep(0.1)
        del self.frames[first:-1]
        self._rests.append((time.time(), seconds))

    def stop(self) -> None:
        """End."""
        self._socket.close()
        self._thread.join(PATIENCE)

    def write(self, path: Path, rate: float, quality: int) -> float:
        """Write it as MP4 and return its seconds: what the visitor waits for the machine is cut to `LONGEST_WAIT`."""
        from clipface.export.video import VideoWriter

        moments, shown = self._moments(), 0
        with VideoWriter(path, rate, quality) as writer:
            for (start, content), (end, _) in zip(moments, moments[1:], strict=False):
                count = round(end * rate) - round(start * rate)
                image = _image(content) if count else None
                for _ in range(count):
                    writer.write(image)
                shown += count
        return shown / rate

    def _moments(self) -> list[tuple[float, bytes]]:
        """Images with the seconds from the film's beginning at which each appears; the last one again at its end."""
        marks = sorted([(*frame, 0.0) for frame in self.frames] + [(at, b"", rest) for at, rest in self._rests])
        moments, now, before, content = [], 0.0, marks[0][0], b""
        for at, image, rest in marks:
            now += max(min(at - before, LONGEST_WAIT), rest)
            before, content = at, image or content
            if image:
                moments.append((now, image))
        return [*moments, (now, content)]

    def _listen(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            for message in self._socket:
                event = json.loads(message)
                if event.get("method") == "Page.screencastFrame":
                    given = event["params"]
                    self.frames.append((given["metadata"]["timestamp"], base64.b64decode(given["data"])))
                    self._newest = time.time()
                    self._tell("Page.screencastFrameAck", sessionId=given["sessionId"])
        except ConnectionClosed:
            return

    def _tell(self, method: str, **given: object) -> None:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": given}))


def _image(content: bytes) -> torch.Tensor:
    """An image of an even size, [3, H, W] in 0..1."""
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
    return torch.from_numpy(even.copy()).permute(2, 0, 1).float() / 255
