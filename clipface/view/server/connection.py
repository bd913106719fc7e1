"""The server's end of every socket: browsers and whatever else finds the port, whose faults are no tracebacks here."""

import asyncio
import logging
import traceback
from http import HTTPStatus
from types import ModuleType
from typing import Any

from clipface.view.server.messages import checker

LINGER = 1.0  # seconds in which the other side may read why it was refused
LONGEST_REASON = 120  # bytes, of a websocket's end
INVALID = 1007  # a websocket's end: what was sent cannot be read
MISMATCH = 1002  # the same: another version
REFUSAL = b"expected a request of HTTP/1.1 by GET with short headers, got something else\n"

logger = logging.getLogger(__name__)
reported: set[tuple[str, str]] = set()  # kinds of errors that were printed, each once


def connection_class(server: ModuleType, version: str) -> type:
    """Make the class of the server's connections.

    Args:
        server: `websockets.asyncio.server`.
        version: of viser, which its page names as a subprotocol.
    """
    check, subprotocol = checker(), f"viser-v{version}"

    class Connection(server.ServerConnection):
        """One socket: its request is answered, or it becomes a tab's websocket."""

        refused = False  # whether what is no request was answered already

        def send_data(self) -> None:
            """Answer what is no request; the library ends such a connection without a word."""
            no_request = self.protocol.handshake_exc is not None and self.request is None
            if no_request and not self.refused and not self.transport.is_closing():
                self.refused = True
                lines = f"HTTP/1.1 {HTTPStatus.BAD_REQUEST} Bad Request", f"Content-Length: {len(REFUSAL)}"
                self.transport.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + REFUSAL)
            super().send_data()

        async def handshake(self, *args: Any, **kwargs: Any) -> None:
            """Shake hands, or let the other side read why not."""
            try:
                await super().handshake(*args, **kwargs)
            except Exception as error:  # noqa: BLE001  of the library, for everything that the other side may do
                if self.request is not None and self.protocol.handshake_exc is not error:
                    raise
                logger.debug("a connection that came to nothing: %s", error)
                _, pending = await asyncio.wait([asyncio.ensure_future(self.wait_closed())], timeout=LINGER)
                for task in pending:
                    task.cancel()

        async def recv(self, *args: Any, **kwargs: Any) -> Any:
            """The next message that viser can act on; one that no page sends ends the connection."""
            while True:
                raw = await super().recv(*args, **kwargs)
                try:
                    if check.wanted(raw):
                        return raw
                except ValueError as error:
                    logger.debug("a tab is disconnected: %s", error)
                    await self.close(INVALID, str(error).encode()[:LONGEST_REASON].decode(errors="ignore"))

        async def fits(self) -> bool:
            """Whether the page is of this version of viser; another one is told so and disconnected."""
            if self.subprotocol == subprotocol:
                return True
            got = (self.subprotocol or "viser-vunknown").removeprefix("viser-v")[:20]
            await self.close(MISMATCH, f"Version mismatch. Client: {got}, Server: {version}")  # the page shows it
            return False

    return Connection


def report_once(loop: asyncio.AbstractEventLoop, context: dict) -> None:
    """Print what went wrong with a message in one line, and each kind once: a tab can send as many as it likes.

    Args:
        loop, context: as of `asyncio.loop.set_exception_handler`.
    """
    error, task = context.get("exception"), context.get("future")
    name = getattr(getattr(task, "get_coro", lambda: None)(), "__name__", "")
    if error is None or name != "_handle_incoming_message":
        loop.default_exception_handler(context)
        return
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__, f"{place.filename}, line {place.lineno}"
    if kind not in reported:
        reported.add(kind)
        logger.warning("a tab's message could not be acted on: %s: %s (%s)", kind[0], str(error)[:200], kind[1])
