"""What a tab shows: images of the project's renderer, sent whenever its face or its camera has changed."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from clipface.view.engine import Engine
from clipface.view.screen.gallery import Gallery, Grid, draw, on_page
from clipface.view.screen.images import BrowserCamera, render_view, shown_faces, shown_surfaces
from clipface.view.screen.player import LivePlayer, Player
from clipface.view.server.workers import Workers
from clipface.view.session.state import FaceState, ViewSettings

if TYPE_CHECKING:
    import viser

QUICK_SECONDS = 0.04  # that rendering may take while something moves; the image is then as coarse as that needs
COARSEST = 0.3  # of the canvas's side
REST_SECONDS = 0.2  # without a change; then comes the image at the canvas's own size
REST_SUPERSAMPLE = 2
QUICK_QUALITY, REST_QUALITY = 80, 95  # of JPEG
FIRST_PACE = 1e-7  # seconds a pixel, until it has been measured
LATENCIES_KEPT = 200
GALLERY_SECONDS = 0.4  # of work on small images, after which those that are there are shown


class Wish(NamedTuple):
    """What a tab wants to see."""

    face: FaceState
    settings: ViewSettings
    gallery: Gallery | None  # laid into the right of the view
    player: Player | LivePlayer | None  # that moves the head, or the camera


class ImageStream:
    """The images of one tab.

    A thread of its own renders the newest request and skips those in between, so a slider or a pointer that is dragged
    is followed as fast as the machine can.

    Attributes:
        latencies: seconds from a request to its image being on the way, the newest last.
        camera: where the tab looks from.
    """

    def __init__(
        self,
        client: "viser.ClientHandle",
        engine: Engine,
        workers: Workers,
        report: Callable[[Exception], None],
    ) -> None:
        """Follow a tab's camera; nothing is shown before `show`.

        Args:
            client: viser's handle of the tab.
            engine: computes and renders faces.
            workers: whose thread renders.
            report: called with what went wrong, in this stream's thread.
        """
        self._client, self._engine, self._report = client, engine, report
        self._wish: Wish | None = None
        self.camera = BrowserCamera.of(client.camera)
        self._asked: float | None = None  # when the newest change that is not shown yet was asked for
        self._at_rest, self._closed = True, False
        self._shown: object = None  # what the last image at rest was of, without its gallery
        self._head: np.ndarray | None = None  # and the image
        self._pace = FIRST_PACE
        self._changed = threading.Condition()
        self.latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)

        @client.camera.on_update
        async def _(camera: "viser.CameraHandle") -> None:  # async: in the order of the browser's messages
            self._look(BrowserCamera.of(camera))

        workers.start(self._work, "images of a tab")

    def show(
        self,
        state: FaceState,
        settings: ViewSettings,
        gallery: Gallery | None = None,
        player: Player | LivePlayer | None = None,
    ) -> None:
        """Ask for a face; returns at once."""
        with self._changed:
            self._wish = Wish(state, settings, gallery, player)
            self._ask()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _look(self, camera: BrowserCamera) -> None:
        with self._changed:
            if camera != self.camera:
                self.camera = camera
                self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                playing = self._wish is not None and self._wish.player is not None
                seconds = QUICK_SECONDS if playing else None if self._at_rest else REST_SECONDS
                self._changed.wait_for(lambda: self._asked is not None or self._closed, seconds)
                if self._closed:
                    return
                asked, self._asked = self._asked, None
                if playing and asked is None:
                    asked = time.perf_counter()
                wish, camera = self._wish, self.camera
            if wish is None or 0 in camera.size:  # a hidden tab has no canvas
                self._at_rest = True
                continue
            try:
                self._render(wish, camera, asked)
            except Exception as error:  # noqa: BLE001  the page shows it
                self._at_rest = True
                if wish.player is not None:
                    with self._changed:
                        self._wish = None  # else the next frame would fail as this one has
                if not self._closed:
                    self._report(error)

    def _render(self, wish: Wish, camera: BrowserCamera, asked: float | None) -> None:
        """Send an image: a quick one of what was just asked for, else one at rest, else small images that lacked."""
        faces = shown_faces(wish.face, wish.settings)
        grid = Grid.of(camera.size) if wish.gallery else None
        key = faces, self._engine.versions(wish.face), wish[1:], camera
        same = key == self._shown and wish.player is None
        if same and self._at_rest:
            return
        if same and asked is None:
            self._fill(wish.gallery, grid)
            return
        self._at_rest = False
        frame, camera = wish.player.now(camera) if wish.player else (None, camera)
        surfaces = shown_surfaces(self._engine, wish.face, wish.settings, frame)
        canvas = camera.size[0], camera.size[1] - (grid.width if grid else 0)
        size = canvas if asked is None else self._quick_size(canvas)
        start = time.perf_counter()
        supersample, still_wanted = (REST_SUPERSAMPLE, self._nothing_new) if asked is None else (1, lambda: True)
        image = render_view(self._engine, surfaces, camera, size, supersample, still_wanted)
        if image is None:
            return
        if asked is not None:
            self._shown = None
            pace = (time.perf_counter() - start) / math.prod(size)
            self._pace = min(max(pace, self._pace / 2), 2 * self._pace)  # one slow image, as the first, is no rule
        else:
            self._shown, self._head = key, image
            self._at_rest = grid is None or not self._lacking(wish.gallery, grid)
        self._send(image, wish.gallery, grid, QUICK_QUALITY if asked is not None else REST_QUALITY)
        if asked is not None:
            self.latencies.append(time.perf_counter() - asked)

    def _send(self, image: np.ndarray, gallery: Gallery | None, grid: Grid | None, quality: int) -> None:
        if grid is not None:
            beside = draw(gallery, grid, lambda face: self._engine.small(face, make=False))
            size = round(grid.width * len(image) / grid.height), len(image)
            image = np.concatenate([image, np.asarray(Image.fromarray(beside).resize(size))], 1)
        self._client.scene.set_background_image(image, format="jpeg", jpeg_quality=quality)
        self._client.flush()

    def _lacking(self, gallery: Gallery, grid: Grid) -> list[FaceState]:
        """Faces of the gallery whose small images are not there yet."""
        shown = on_page(gallery, grid)
        return [tile.face for tile in shown if self._engine.small(tile.face, make=False) is None]

    def _fill(self, gallery: Gallery, grid: Grid) -> None:
        """Render small images until something new is asked for, and show them from time to time."""
        start, lacking = time.perf_counter(), self._lacking(gallery, grid)
        for number, face in enumerate(lacking):
            if not self._nothing_new():
                return
            self._engine.small(face)
            if time.perf_counter() - start > GALLERY_SECONDS or number == len(lacking) - 1:
                self._send(self._head, gallery, grid, REST_QUALITY)
                start = time.perf_counter()
        self._at_rest = True

    def _nothing_new(self) -> bool:
        return self._asked is None and not self._closed

    def _quick_size(self, canvas: tuple[int, int]) -> tuple[int, int]:
        """Height and width that render within `QUICK_SECONDS`."""
        scale = math.sqrt(QUICK_SECONDS / (self._pace * math.prod(canvas)))
        scale = min(max(scale, COARSEST), 1.0)
        return max(round(canvas[0] * scale), 1), max(round(canvas[1] * scale), 1)
