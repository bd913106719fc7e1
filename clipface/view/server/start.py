"""The web server: viser behind the gate, and a page for each tab that connects."""

import asyncio
import contextlib
import dataclasses
import functools
import io
import socket
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from http import HTTPStatus
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from clipface.startup import need
from clipface.view.server.connection import connection_class, report_once
from clipface.view.server.token_auth import LOOPBACK, Admitted, Redirected, TokenAuth
from clipface.view.server.workers import Workers

if TYPE_CHECKING:
    import viser

CAMERA_POSITION, CAMERA_TARGET, FIELD_OF_VIEW = (0.0, 0.02, 0.72), (0.0, 0.01, 0.0), 0.5  # metres; radians
LONGEST_END = 10.0  # seconds
_session: ContextVar[str] = ContextVar("session")


def load_viser() -> ModuleType:
    """Import viser.

    Raises:
        ImportError: if it is missing; says how to install it.
    """
    return need("viser", 'viser: it is missing; pip install -e ".[view]" (or: pip install viser)')


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone."""
    return host in LOOPBACK


def check_free(host: str, port: int) -> None:
    """Check that a server can listen.

    Raises:
        ValueError: if there is no such host, or the port is taken; says what to do.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror as error:
            raise ValueError(f"host: expected an address of this machine, got {host!r} ({error})") from error
        except OverflowError as error:
            raise ValueError(f"port: expected a number from 0 (any free one) to 65535, got {port}") from error
        except OSError as error:
            wanted = "expected an address of this machine and a free port"
            raise ValueError(f"port: {wanted}, got {host}:{port} ({error}); --port 0 takes a free one") from error


def start(
    host: str,
    port: int,
    gate: TokenAuth,
    open_page: Callable[["viser.ClientHandle", str], None],
    begin: Callable[[str, str], None] = lambda *_: None,
    workers: Workers | None = None,
) -> Any:
    """Start the server; it runs in threads of its own.

    Args:
        host: address to listen at.
        port: 0: any free one.
        gate: asked about every request.
        open_page: called for each tab, with viser's handle and the session's name, in a thread.
        begin: called with a session's name and what its address holds as `state`, before its tab opens.
        workers: whose thread opens a page; None: of its own.

    Returns:
        viser's server.

    Raises:
        ImportError, ValueError: if viser is missing or another version that the gate does not fit, or the address
            cannot be had.
    """
    viser, workers = load_viser(), workers or Workers()
    check_free(host, port)
    silent = contextlib.redirect_stdout(io.StringIO())  # viser prints addresses without token
    warnings.filterwarnings("ignore", "Queued a .* on a closed connection")  # a tab that is closed as it is drawn
    with _behind(gate, begin) as installed, silent:
        server = viser.ViserServer(host, port, label="ClipFace", verbose=False)
    if not installed:
        server.stop()
        raise ImportError("viser: expected a version whose server the gate fits; pip install viser==1.1.1")
    server.request_share_url = lambda *_, **__: None  # any page could otherwise ask for a public address
    server.gui.configure_theme(control_width="large", show_logo=False, show_share_button=False)
    server.gui.main_panel.dock_right()  # beside the image, not on it
    server.scene.set_up_direction("+y")
    server.scene.world_axes.visible = False
    camera = server.initial_camera
    camera.position, camera.look_at, camera.fov = CAMERA_POSITION, CAMERA_TARGET, FIELD_OF_VIEW

    @server.on_client_connect
    async def _(client: "viser.ClientHandle") -> None:  # async: it runs where the connection's address is known
        session = _session.get()
        workers.start(lambda: open_page(client, session), "page of a tab")

    return server


def stop(server: Any, workers: Workers) -> bool:
    """Stop the server, and wait for what still works for its tabs.

    Python ends a daemon's thread in the middle of what it does, which in PyTorch's code is an abort of the process.

    Args:
        server: from `start`.
        workers: given to `start`, and to the pages.

    Returns:
        Whether all have ended in time; else the process has to end without Python's own end (`os._exit`).
    """
    with contextlib.redirect_stdout(io.StringIO()):  # viser says so, too
        server.stop()
    return workers.wait(LONGEST_END)


@contextlib.contextmanager
def _behind(gate: TokenAuth, begin: Callable[[str, str], None]) -> Iterator[list[bool]]:
    """Put the gate before every server that is made inside; the list that it gives is then no longer empty.

    viser offers no way to do this, so the function with which it listens is exchanged while it starts.
    """
    import viser
    import websockets.asyncio.server as listening

    installed: list[bool] = []
    serve, connections = listening.serve, connection_class(listening, viser.__version__)

    def serve_behind_gate(handler: Callable, *args: Any, process_request: Callable, **kwargs: Any) -> Any:
        installed.append(True)

        async def handle(connection: Any) -> None:
            asyncio.get_running_loop().set_exception_handler(report_once)
            _session.set(connection.admitted.session)
            if await connection.fits():
                await handler(connection)

        process = functools.partial(_process, gate, begin, process_request)
        return serve(handle, *args, process_request=process, create_connection=connections, **kwargs)

    listening.serve = serve_behind_gate
    try:
        yield installed
    finally:
        listening.serve = serve


def _process(
    gate: TokenAuth, begin: Callable[[str, str], None], process_request: Callable, connection: Any, request: Any
) -> Any:
    """Answer a request: viser's own answer where the gate admits it; None for a websocket that is admitted."""
    decision = gate.decide(request.path, request.headers)
    upgrades = request.headers.get_all("Upgrade")
    if isinstance(decision, Admitted):
        connection.admitted = decision
        letters = parse_qs(urlsplit(request.path).query).get("state")
        if letters and not upgrades:
            begin(decision.session, letters[0])
        response = process_request(connection, dataclasses.replace(request, path="/"))
        if response is not None:
            response.headers["Referrer-Policy"] = "no-referrer"  # addresses may hold the token
            response.headers["X-Frame-Options"] = "DENY"
        return response
    if isinstance(decision, Redirected) and not upgrades:
        response = connection.respond(HTTPStatus.FOUND, "")
        response.headers["Location"] = decision.path
        return response
    if isinstance(decision, Redirected):
        return connection.respond(HTTPStatus.NOT_FOUND, "address: expected one with a session\n")
    return connection.respond(decision.status, decision.reason + "\n")
