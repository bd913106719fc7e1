"""What a tab shows: images of the project's renderer, sent whenever its face or its camera has changed."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from clipface.view.engine import Engine
from clipface.view.images import BrowserCamera, render_view, shown_faces
from clipface.view.state import FaceState, ViewSettings

if TYPE_CHECKING:
    import viser

QUICK_SECONDS = 0.04  # that rendering may take while something moves; the image is then as coarse as that needs
COARSEST = 0.3  # of the canvas's side
REST_SECONDS = 0.2  # without a change; then comes the image at the canvas's own size
REST_SUPERSAMPLE = 2
QUICK_QUALITY, REST_QUALITY = 80, 95  # of JPEG
FIRST_PACE = 1e-7  # seconds a pixel, until it has been measured
LATENCIES_KEPT = 200


class ImageStream:
    """The images of one tab.

    A thread of its own renders the newest request and skips those in between, so a slider or a pointer that is dragged
    is followed as fast as the machine can.

    Attributes:
        latencies: seconds from a request to its image being on the way, the newest last.
    """

    def __init__(self, client: "viser.ClientHandle", engine: Engine, report: Callable[[Exception], None]) -> None:
        """Follow a tab's camera; nothing is shown before `show`.

        Args:
            client: viser's handle of the tab.
            engine: computes and renders faces.
            report: called with what went wrong, in this stream's thread.
        """
        self._client, self._engine, self._report = client, engine, report
        self._face: tuple[FaceState, ViewSettings] | None = None
        self._camera = BrowserCamera.of(client.camera)
        self._asked: float | None = None  # when the newest change that is not shown yet was asked for
        self._at_rest, self._closed = True, False
        self._shown: object = None  # what the last image at rest was of
        self._pace = FIRST_PACE
        self._changed = threading.Condition()
        self.latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)

        @client.camera.on_update
        async def _(camera: "viser.CameraHandle") -> None:  # async: in the order of the browser's messages
            self._look(BrowserCamera.of(camera))

        threading.Thread(target=self._work, name="images of a tab", daemon=True).start()

    def show(self, state: FaceState, settings: ViewSettings) -> None:
        """Ask for a face; returns at once."""
        with self._changed:
            self._face = state, settings
            self._ask()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _look(self, camera: BrowserCamera) -> None:
        with self._changed:
            if camera != self._camera:
                self._camera = camera
                self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                seconds = None if self._at_rest else REST_SECONDS
                self._changed.wait_for(lambda: self._asked is not None or self._closed, seconds)
                if self._closed:
                    return
                asked, self._asked = self._asked, None
                face, camera = self._face, self._camera
            if face is None:
                continue
            try:
                self._render(*face, camera, asked)
            except Exception as error:  # noqa: BLE001  the page shows it
                self._at_rest = True
                if not self._closed:
                    self._report(error)

    def _render(self, state: FaceState, settings: ViewSettings, camera: BrowserCamera, asked: float | None) -> None:
        """Send an image: a quick one of what was just asked for, else one at rest."""
        faces = shown_faces(state, settings)
        key = faces, [self._engine.versions(face) for face in faces], settings, camera
        known = self._at_rest and key == self._shown
        self._at_rest = known or 0 in camera.size  # a hidden tab has no canvas
        if self._at_rest:
            return
        surfaces = [self._engine.surface(face, settings) for face in faces]
        quick = asked is not None
        size = self._quick_size(camera.size) if quick else camera.size
        start = time.perf_counter()
        supersample, still_wanted = (1, lambda: True) if quick else (REST_SUPERSAMPLE, self._nothing_new)
        image = render_view(self._engine, surfaces, camera, size, supersample, still_wanted)
        if image is None:
            return
        if quick:
            pace = (time.perf_counter() - start) / math.prod(size)
            self._pace = min(max(pace, self._pace / 2), 2 * self._pace)  # one slow image, as the first, is no rule
        else:
            self._at_rest, self._shown = True, key
        quality = QUICK_QUALITY if quick else REST_QUALITY
        self._client.scene.set_background_image(image, format="jpeg", jpeg_quality=quality)
        self._client.flush()
        if quick:
            self.latencies.append(time.perf_counter() - asked)

    def _nothing_new(self) -> bool:
        return self._asked is None and not self._closed

    def _quick_size(self, canvas: tuple[int, int]) -> tuple[int, int]:
        """Height and width that render within `QUICK_SECONDS`."""
        scale = math.sqrt(QUICK_SECONDS / (self._pace * math.prod(canvas)))
        scale = min(max(scale, COARSEST), 1.0)
        return max(round(canvas[0] * scale), 1), max(round(canvas[1] * scale), 1)
