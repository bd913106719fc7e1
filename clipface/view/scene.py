"""Heads in the browser: sends what has changed, without the page ever waiting for it."""

import html
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clipface.view.channel import Channels
from clipface.view.engine import Engine
from clipface.view.head_glb import HeadGlb
from clipface.view.state import FaceState, ViewSettings

if TYPE_CHECKING:
    import viser

APART = 0.115  # metres that two heads side by side stand from the middle
SWAP_SECONDS = 0.3  # a whole new file is there after this time; the old head stays in view until then
LATENCIES_KEPT = 200


class Shown:
    """What the browser has at one place."""

    def __init__(self, frame: Any) -> None:
        """Args: frame: viser's handle of what the head hangs from."""
        self.frame, self.node, self.key = frame, "", None
        self.texture: Any = None  # the engine's tensor, and what it was encoded to
        self.jpeg = b""
        self.arrays: dict[str, np.ndarray] = {}


class HeadScene:
    """The heads that one tab sees.

    A thread of its own draws the newest wish and skips those in between, so a slider that is drawn fast is followed as
    fast as the machine can. A head comes as a file into viser's scene; what changes afterwards (positions, colours,
    texture) goes through the tab's channel alone. Without a channel a new file takes the old one's place.

    Attributes:
        latencies: seconds from a wish to its message being on the way, the newest last.
    """

    def __init__(
        self,
        client: "viser.ClientHandle",
        engine: Engine,
        glb: HeadGlb,
        channels: Channels,
        report: Callable[[Exception], None],
    ) -> None:
        """Start with an empty scene.

        Args:
            client: viser's handle of the tab.
            engine: computes heads.
            glb: writes their files.
            channels: where the tab's page will connect.
            report: told of what went wrong, in this scene's thread.
        """
        self._client, self._engine, self._glb, self._report = client, engine, glb, report
        self._wish: tuple[FaceState, ViewSettings, float] | None = None
        self._shown: dict[str, Shown] = {}  # by place
        self._changed, self._closed = threading.Condition(), False
        self._channels, self._key = channels, secrets.token_urlsafe(12)
        self._channel = channels.add(self._key)
        self.latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        client.gui.add_html(f'<span hidden data-clipface-heads="{html.escape(self._key)}"></span>')
        threading.Thread(target=self._work, name="heads of a tab", daemon=True).start()

    def show(self, state: FaceState, settings: ViewSettings) -> None:
        """Ask for a face; returns at once."""
        with self._changed:
            self._wish = state, settings, time.perf_counter()
            self._changed.notify()

    def close(self) -> None:
        """End the thread."""
        self._channels.remove(self._key)
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wish is not None or self._closed)
                if self._closed:
                    return
                (state, settings, asked), self._wish = self._wish, None
            try:
                self._draw(state, settings, asked)
            except Exception as error:  # noqa: BLE001  the page shows it
                if not self._closed:
                    self._report(error)

    def _draw(self, state: FaceState, settings: ViewSettings, asked: float) -> None:
        places = wanted_heads(state, settings)
        changes = {place: self._change(place, face, settings) for place, (face, _) in places.items()}
        for place, (_, x) in places.items():
            self._shown[place].frame.position = x, 0.0, 0.0
            self._shown[place].frame.visible = True
        for place in self._shown.keys() - places.keys():
            self._shown[place].frame.visible = False
        for place, arrays in changes.items():
            if arrays:
                self.latencies.append(time.perf_counter() - asked)
                self._send(place, arrays)
        self._client.flush()

    def _change(self, place: str, face: FaceState, settings: ViewSettings) -> dict[str, np.ndarray | bytes]:
        """What is new at a place."""
        if place not in self._shown:
            self._shown[place] = Shown(self._client.scene.add_frame(f"/{place}", show_axes=False))
        shown = self._shown[place]
        key = face, self._engine.versions(face), settings.light, settings.light_strength
        if key == shown.key:
            return {}
        head = self._engine.drawn(face, settings)
        shown.key = key
        arrays: dict[str, Any] = {
            "position": self._glb.positions(head.vertices[0]),
            "color": self._glb.colours(None if head.light is None else head.light[0]),
        }
        new = {name: array for name, array in arrays.items() if not np.array_equal(array, shown.arrays.get(name))}
        shown.arrays = arrays
        if shown.texture is not head.texture:  # the engine returns the same tensor for the same texture
            shown.texture, shown.jpeg = head.texture, self._glb.jpeg(head.texture[0])
            new["texture"] = shown.jpeg
        return new

    def _send(self, place: str, new: dict[str, np.ndarray | bytes]) -> None:
        shown = self._shown[place]
        if shown.node and self._channel.connected:
            parts = {name: part if isinstance(part, bytes) else part.tobytes() for name, part in new.items()}
            if self._channel.send(place, parts):
                return
        old, shown.node = shown.node, f"/{place}/{'b' if shown.node.endswith('a') else 'a'}"
        file = self._glb.write(f"clipface_{place}", shown.arrays["position"], shown.arrays["color"], shown.jpeg)
        self._client.scene.add_glb(shown.node, file, cast_shadow=False, receive_shadow=False)
        self._client.flush()
        if old:
            time.sleep(SWAP_SECONDS)
            self._client.scene.remove_by_name(old)


def wanted_heads(state: FaceState, settings: ViewSettings) -> dict[str, tuple[FaceState, float]]:
    """Places of the scene: which face stands there, and how many metres to the right."""
    if settings.comparison == "before":
        return {"before": (state.unedited(), 0.0)}
    if settings.comparison == "side by side":
        return {"before": (state.unedited(), -APART), "after": (state, APART)}
    return {"after": (state, 0.0)}
