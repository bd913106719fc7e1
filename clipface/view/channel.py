"""A tab's second websocket: changes of heads as raw numbers, for `heads.js`."""

import asyncio
import json
import struct
import threading
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("heads.js")
ANSWER_SECONDS = 6.0  # how long the browser may take to show a change; the first one waits for viser's file
SHOWN = "shown"  # its answer


class Channel:
    """To one tab, once its page has connected."""

    def __init__(self) -> None:
        """Start unconnected."""
        self._connection: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered, self._answer = threading.Event(), ""

    @property
    def connected(self) -> bool:
        """Whether anything can be sent."""
        return self._connection is not None

    async def serve(self, connection: Any) -> None:
        """Stay with a connection until it ends; called in the server's event loop."""
        self._loop, self._connection = asyncio.get_running_loop(), connection
        try:
            async for answer in connection:
                self._answer = str(answer)
                self._answered.set()
        finally:
            if self._connection is connection:
                self._connection = None
            self._answered.set()

    def send(self, place: str, parts: dict[str, bytes]) -> bool:
        """Send a change of one head and wait until it is shown.

        Args:
            place: which head.
            parts: `position` and `color` as float32 [N, 3], `texture` as JPEG; what is left out stays as it is.

        Returns:
            Whether it is shown; if not, the page has gone, or lacks this head.
        """
        connection, loop = self._connection, self._loop
        if connection is None or loop is None:
            return False
        self._answered.clear()
        self._answer = ""
        asyncio.run_coroutine_threadsafe(connection.send(packed(place, parts)), loop)
        self._answered.wait(ANSWER_SECONDS)
        return self._answer == SHOWN


class Channels:
    """Channels of all tabs, by keys that only their pages know. Safe to use from several threads."""

    def __init__(self) -> None:
        self._by_key: dict[str, Channel] = {}

    def add(self, key: str) -> Channel:
        """Make a channel for a page that will connect with this key."""
        return self._by_key.setdefault(key, Channel())

    def remove(self, key: str) -> None:
        """Forget a channel."""
        self._by_key.pop(key, None)

    async def serve(self, key: str, connection: Any) -> None:
        """Stay with a connection until it ends; one with an unknown key is closed."""
        channel = self._by_key.get(key)
        if channel is None:
            await connection.close(4404, "there is no such channel")
        else:
            await channel.serve(connection)


def packed(place: str, parts: dict[str, bytes]) -> bytes:
    """A message: the length of a JSON header, the header with each part's name and length, and the parts."""
    header = json.dumps({"place": place, "parts": [(name, len(part)) for name, part in parts.items()]}).encode()
    return struct.pack("<I", len(header)) + header + b"".join(parts.values())


def with_script(page: bytes) -> bytes:
    """viser's page with `heads.js` in it, before any other script."""
    return page.replace(b"<head>", b"<head><script>" + SCRIPT.read_bytes() + b"</script>", 1)
