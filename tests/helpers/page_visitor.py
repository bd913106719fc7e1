"""Visits the editor's page over its websocket, as a browser does but without one: for what needs no screen.

A visitor knows which widgets there are and what stands on them, what messages have come, and the newest image.
"""

import io
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import viser
import zstandard
from PIL import Image
from websockets.sync.client import connect

CANVAS = (360, 600)  # height and width, pixels


class Visitor:
    """One tab."""

    def __init__(self, address: str, canvas: tuple[int, int] = CANVAS) -> None:
        """Open a page at a session's address, http://host:port/session, and wait until it has an image."""
        self.widgets: dict[str, dict] = {}
        self.notes: list[str] = []
        self.images: list[np.ndarray] = []
        self.files: dict[str, bytes] = {}
        self._parts: dict[str, list[bytes]] = {}
        self._names: dict[str, str] = {}
        url = address.replace("http", "ws", 1)
        self._socket = connect(url, subprotocols=[f"viser-v{viser.__version__}"], max_size=None, ping_interval=None)
        threading.Thread(target=self._listen, daemon=True).start()
        self.look(canvas=canvas)
        # A sign comes first; the line that sums up the face is written last.
        wait(lambda: len(self.images) > 1 and any(text.startswith("**") for text in self._texts()), "a page")

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the page."""
        self._socket.close()

    def look(self, position: tuple[float, ...] = (0.0, 0.02, 0.72), canvas: tuple[int, int] = CANVAS) -> None:
        """Stand somewhere."""
        self._canvas = canvas
        self._tell(
            "ViewerCameraMessage", wxyz=(1.0, 0.0, 0.0, 0.0), position=position, fov=0.5, near=0.01, far=100.0,
            image_height=canvas[0], image_width=canvas[1], look_at=(0.0, 0.01, 0.0), up_direction=(0.0, 1.0, 0.0),
        )  # fmt: skip

    def widget(self, label: str, number: int = 0) -> dict:
        """A widget by its label, as it is now; of several the first that was made, or another."""
        named = self.labelled(label)
        labels = sorted({str(one["props"].get("label")) for one in self.widgets.values()})
        assert named, f"there is no {label!r} but {labels}"
        return named[number]

    def labelled(self, label: str) -> list[dict]:
        """All widgets of a label."""
        return [one for one in list(self.widgets.values()) if one["props"].get("label") == label]

    def value(self, label: str, number: int = 0) -> Any:
        """What a widget holds."""
        return self.widget(label, number)["value"]

    def set(self, label: str, value: object, number: int = 0) -> None:
        """Give an input another value, as its user does."""
        one = self.widget(label, number)
        one["value"] = value
        self._tell("GuiUpdateMessage", uuid=one["uuid"], updates={"value": value})

    def press(self, label: str, number: int = 0) -> None:
        """Press a button."""
        self._tell("GuiUpdateMessage", uuid=self.widget(label, number)["uuid"], updates={"value": True})

    def type(self, words: str) -> None:
        """Write a prompt and press Enter."""
        self.set("Prompt", words)
        form = self.widgets[self.widget("Prompt")["container_uuid"]]
        self._tell("GuiFormSubmitMessage", uuid=form["uuid"])

    def click(self, x: float, y: float) -> None:
        """Click into the view, at parts of its width and height."""
        zero = (0.0, 0.0, 0.0)
        self._tell(
            "ScenePointerMessage", event_type="click", ray_origin=zero, ray_direction=zero, screen_pos=((x, y),),
            modifier=None,
        )  # fmt: skip

    def upload(self, label: str, name: str, content: bytes) -> None:
        """Give a button a file."""
        source, transfer = self.widget(label)["uuid"], str(uuid.uuid4())
        about = {"filename": name, "mime_type": "", "part_count": 1, "size_bytes": len(content)}
        self._tell("FileTransferStartUpload", source_component_uuid=source, transfer_uuid=transfer, **about)
        part = {"part_index": 0, "content": content}
        self._tell("FileTransferPart", source_component_uuid=source, transfer_uuid=transfer, **part)

    def has(self, words: str) -> bool:
        """Whether words stand on the page: in a text, on a widget that is shown, or in a message."""
        return any(words in text for text in [*self.notes, *self._texts()])

    def wait(self, words: str, gone: bool = False, seconds: float = 60.0) -> None:
        """Wait until words are there, or no longer."""
        try:
            wait(lambda: self.has(words) != gone, f"{'the end of ' if gone else ''}{words!r}", seconds)
        except AssertionError as error:
            shown = [text for text in self._texts() if text]
            raise AssertionError(f"{error}; there is {self.notes}, {shown}") from None

    def visible(self, one: dict | None) -> bool:
        """Whether a widget is shown, as far as folders go."""
        return one is None or (
            one["props"].get("visible", True) and self.visible(self.widgets.get(one.get("container_uuid", "")))
        )

    def settled(self) -> np.ndarray:
        """The image once it is as large as the canvas and no other has come for a while."""
        count = -1
        end = time.monotonic() + 60
        while count != len(self.images) or self.images[-1].shape[:2] != self._canvas:
            assert time.monotonic() < end, "the image does not come to rest"
            count = len(self.images)
            time.sleep(0.8)
        return self.images[-1]

    def newest(self) -> np.ndarray:
        """The newest image, as large as the canvas, however coarse it was sent."""
        return np.asarray(Image.fromarray(self.images[-1]).resize(self._canvas[::-1]))

    def _texts(self) -> list[str]:
        shown = [one["props"] for one in list(self.widgets.values()) if self.visible(one)]
        return [str(props.get(key) or "") for props in shown for key in ("label", "_markdown")]

    def _tell(self, kind: str, **fields: object) -> None:
        self._socket.send(msgspec.msgpack.encode({"type": kind, **fields}))

    def _listen(self) -> None:
        for raw in self._socket:
            length = int.from_bytes(raw[8:16], "little")
            decoded = msgspec.msgpack.decode(zstandard.decompress(raw[16 : 16 + length]))
            buffers, at = [], 16 + length
            for count in decoded["binaryBufferLengths"]:
                at += -at % 8
                buffers.append(raw[at : at + count])
                at += count
            for message in decoded["messages"]:
                self._hear(message, buffers)

    def _hear(self, message: dict, buffers: list[bytes]) -> None:
        kind = message["type"]

        def bytes_of(found: object) -> bytes:
            return buffers[found["__binary_index"]] if isinstance(found, dict) else found

        if kind == "GuiUpdateMessage" and message["uuid"] in self.widgets:
            one = self.widgets[message["uuid"]]
            for key, value in message["updates"].items():
                (one if key == "value" else one["props"])[key] = value
        elif kind == "GuiRemoveMessage":
            self.widgets.pop(message["uuid"], None)
        elif kind.startswith("Gui") and "props" in message:
            self.widgets[message["uuid"]] = message
        elif kind in ("NotificationShowMessage", "NotificationUpdateMessage"):
            self.notes.append(f"{message['props']['title']}: {message['props']['body']}")
        elif kind == "BackgroundImageMessage":
            if message["rgb_data"] is not None:
                self.images.append(np.asarray(Image.open(io.BytesIO(bytes_of(message["rgb_data"])))))
        elif kind == "FileTransferStartDownload":
            self._names[message["transfer_uuid"]] = message["filename"]
            self._parts[message["transfer_uuid"]] = [b""] * message["part_count"]
        elif kind == "FileTransferPart":
            parts = self._parts[message["transfer_uuid"]]
            parts[message["part_index"]] = bytes(bytes_of(message["content"]))
            if all(parts):
                self.files[self._names[message["transfer_uuid"]]] = b"".join(parts)


def wait(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a condition, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} has not come within {seconds:g} s"
        time.sleep(0.05)
