"""Records what a tab of headless Chromium shows, and writes it as a film of an even rate."""

import base64
import io
import json
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

PATIENCE = 60.0  # seconds


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
        self._count, self._started = 0, time.time()
        self._tell("Page.startScreencast", format="jpeg", quality=95)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """End; returns the seconds that it took."""
        seconds = time.time() - self._started
        self._socket.close()
        self._thread.join(PATIENCE)
        return seconds

    def write(self, path: Path, seconds: float, rate: float, quality: int) -> None:
        """Write the newest image at each moment of an even rate as MP4."""
        import numpy as np
        import torch
        from PIL import Image

        from clipface.export.video import VideoWriter

        number, image = -1, None
        with VideoWriter(path, rate, quality) as writer:
            for moment in range(int(seconds * rate)):
                newer = number
                while newer + 1 < len(self.frames) and self.frames[newer + 1][0] <= self._started + moment / rate:
                    newer += 1
                if newer != number or image is None:
                    number = newer
                    pixels = np.asarray(Image.open(io.BytesIO(self.frames[max(number, 0)][1])).convert("RGB"))
                    even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
                    image = torch.from_numpy(even.copy()).permute(2, 0, 1).float() / 255
                writer.write(image)

    def _listen(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            for message in self._socket:
                event = json.loads(message)
                if event.get("method") == "Page.screencastFrame":
                    given = event["params"]
                    self.frames.append((given["metadata"]["timestamp"], base64.b64decode(given["data"])))
                    self._tell("Page.screencastFrameAck", sessionId=given["sessionId"])
        except ConnectionClosed:
            return

    def _tell(self, method: str, **given: object) -> None:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": given}))
