"""A tab without a browser: viser's messages over a websocket."""

from typing import Any

import msgspec
import viser
import zstandard
from websockets.sync.client import ClientConnection, connect

CAMERA = {
    "wxyz": (1, 0, 0, 0), "position": (0.0, 0.02, 0.72), "fov": 0.5, "near": 0.01, "far": 1000.0,
    "image_height": 120, "image_width": 160, "look_at": (0.0, 0.01, 0.0), "up_direction": (0.0, 1.0, 0.0),
}  # fmt: skip
PATIENCE = 60.0  # seconds for a message


class ViserTab:
    """One tab, which has told the editor where its camera is."""

    def __init__(self, port: int, session: str = "a-session-name"):
        address, protocol = f"ws://127.0.0.1:{port}/{session}", f"viser-v{viser.__version__}"
        self.socket: ClientConnection = connect(address, subprotocols=[protocol], max_size=None)
        self.send("ViewerCameraMessage", **CAMERA)

    def __enter__(self) -> "ViserTab":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(msgspec.msgpack.encode({"type": kind, **fields}))

    def receive(self) -> list[dict]:
        """The next window of messages, without their arrays."""
        raw = self.socket.recv(timeout=PATIENCE)
        size = int.from_bytes(raw[8:16], "little")
        return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(raw[16 : 16 + size]))["messages"]

    def until(self, kind: str) -> dict:
        """The next message of a kind."""
        while True:
            for message in self.receive():
                if message["type"] == kind:
                    return message
