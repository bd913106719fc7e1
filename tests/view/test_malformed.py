"""What no browser sends, over raw sockets to the real server: it is refused in words, and the terminal stays quiet."""

import base64
import gc
import logging
import os
import socket
import time
from collections.abc import Callable

import pytest

from clipface.view.server import start as server
from clipface.view.server.token_auth import TokenAuth

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
PATIENCE = 20.0  # seconds for an answer; other tests may share the cores


@pytest.fixture(scope="module")
def sliders() -> dict:
    """Sliders of the tabs that are open, by session."""
    return {}


@pytest.fixture(scope="module")
def port(sliders):
    """A real server's, whose pages are one slider."""

    def open_page(client, session):
        sliders[session] = client.gui.add_slider("Strength", 0.0, 1.0, 0.1, 0.5)

    running = server.start("127.0.0.1", 0, TokenAuth(None, loopback=True), open_page)
    yield running.get_port()
    running.stop()


@pytest.fixture
def quiet(caplog, capfd):
    """Fails a test if the editor's terminal says anything meanwhile."""
    caplog.set_level(logging.WARNING)
    yield
    said = [record.getMessage() for record in caplog.records]
    assert not said, said
    written = "".join(capfd.readouterr())
    assert not written, written


def answer(port: int, request: bytes) -> bytes:
    """What the editor says to raw bytes until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        said = b""
        while part := connection.recv(65536):
            said += part
    return said


def request(*headers: bytes, path: bytes = b"/") -> bytes:
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", *headers, b"", b""])


HOST = b"Host: 127.0.0.1:8080"
UPGRADE = HOST, b"Upgrade: websocket", b"Connection: Upgrade"
MALFORMED = {
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\xfc\r\n\r\n",
    "a line without a protocol": b"GET /\r\n\r\n",
    "a form": b"POST / HTTP/1.1\r\n" + HOST + b"\r\nContent-Length: 3\r\n\r\nabc",
    "an old protocol": b"GET / HTTP/1.0\r\n\r\n",
    "no host": request(),
    "two hosts": request(HOST, HOST),
    "half an address": request(b"Host: [::1"),
    "a port in letters": request(b"Host: 127.0.0.1:abc"),
    "a user": request(b"Host: me@127.0.0.1"),
    "a host in bytes": request(b"Host: \xff\xfe"),
    "a path as host": request(b"Host: 127.0.0.1/.."),
    "half an origin": request(HOST, b"Origin: http://["),
    "an origin in bytes": request(HOST, b"Origin: \xff\xfe"),
    "two origins": request(HOST, b"Origin: http://a", b"Origin: http://b"),
    "a path in bytes": request(HOST, path=b"/\xff\xfe"),
    "an address as path": request(HOST, path=b"http://[x"),
    "a star": request(HOST, path=b"*"),
    "zero": request(HOST, path=b"/\x00"),
    "half a percent sign": request(HOST, path=b"/a-session%z"),
    "a long path": request(HOST, path=b"/" + b"a" * 20000),
    "a long header": request(HOST, b"X: " + b"a" * 200000),
    "many headers": request(HOST, *[b"X: a"] * 2000),
    "no key": request(*UPGRADE, path=b"/a-session-name"),
    "a wrong key": request(*UPGRADE, b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Version: 13", path=b"/a-session-name"),
    "two upgrades": request(*UPGRADE, b"Upgrade: h2c", path=b"/a-session-name"),
    "two encodings": request(HOST, b"Accept-Encoding: a", b"Accept-Encoding: b", path=b"/a-session-name"),
}


def test_who_is_refused_may_end_their_side_first(port, quiet):
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(MALFORMED["a long path"])
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(12) == b"HTTP/1.1 400"


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_gets_400(port, quiet, name):
    said = answer(port, MALFORMED[name])
    assert said.startswith(b"HTTP/1.1 400 "), said[:80]
    assert said.endswith(b"\n") and b"Traceback" not in said


def test_who_hangs_up_early_is_not_spoken_of(port, quiet):
    for sent in (b"", b"GET / HT", request(*UPGRADE)[:-2]):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(sent)
    time.sleep(0.2)


def frame(content: bytes, code: int = 2) -> bytes:
    """One masked frame of a websocket; a mask of zeros changes nothing."""
    size = bytes([0x80 | len(content)]) if len(content) < 126 else b"\xff" + len(content).to_bytes(8, "big")
    return bytes([0x80 | code]) + size + bytes(4) + content


def tab(port: int, version: str = "", session: str = "a-session-name") -> socket.socket:
    """A tab's websocket, its hands shaken."""
    import viser

    key = base64.b64encode(os.urandom(16))
    protocol = f"viser-v{version or viser.__version__}".encode()
    lines = *UPGRADE, b"Sec-WebSocket-Key: " + key, b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Protocol: " + protocol
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(request(*lines, path=f"/{session}".encode()))
    said = b""
    while b"\r\n\r\n" not in said:
        said += connection.recv(1)
    assert said.startswith(b"HTTP/1.1 101"), said
    return connection


def ended(connection: socket.socket) -> tuple[int, str]:
    """Code and reason with which the editor ends a websocket; what else it sends is passed over."""

    def read(count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = connection.recv(count - len(found))
            assert part, "the connection ended without a word"
            found += part
        return found

    while True:
        code, size = read(2)
        size = int.from_bytes(read({126: 2, 127: 8}[size]), "big") if size > 125 else size
        content = read(size)
        if code & 15 == 8:
            connection.close()
            return int.from_bytes(content[:2], "big"), content[2:].decode()


def message(kind: str, **fields: object) -> bytes:
    import msgspec

    return msgspec.msgpack.encode({"type": kind, **fields})


CAMERA = {
    "wxyz": (1, 0, 0, 0), "position": (0, 0, 0.7), "fov": 0.5, "near": 0.01, "far": 1000, "image_height": 40,
    "image_width": 60, "look_at": (0, 0, 0), "up_direction": (0, 1, 0),
}  # fmt: skip


def wrong_messages() -> dict[str, bytes]:
    camera, update = "ViewerCameraMessage", "GuiUpdateMessage"
    return {
        "no mapping": b"\x93\x01\x02\x03",
        "half a mapping": b"\x85\xa4type",
        "nothing": b"",
        "deep": b"\x91" * 20000,
        "no such type": message("Nonsense"),
        "the server's own type": message("RunJavascriptMessage", source="alert(1)"),
        "another field": message(camera, **CAMERA, more=1),
        "a field less": message("GuiUpdateMessage", uuid="x"),
        "words for numbers": message(camera, **{**CAMERA, "fov": "wide"}),
        "two of three": message(camera, **{**CAMERA, "position": (0, 0)}),
        "a huge canvas": message(camera, **{**CAMERA, "image_height": 10**9}),
        "another property": message(update, uuid="x", updates={"update_cb": []}),
        "no number": message(update, uuid="x", updates={"value": float("nan")}),
        "a mapping as value": message(update, uuid="x", updates={"value": {"a": 1}}),
        "bytes as value": message(update, uuid="x", updates={"value": b"x"}),
        "a novel": message(update, uuid="x", updates={"value": "x" * 10**5}),
    }


@pytest.mark.parametrize("name", wrong_messages())
def test_a_malformed_message_ends_its_own_tab_alone(port, quiet, name):
    assert ended_by(port, frame(wrong_messages()[name]))[0] == 1007


def ended_by(port: int, sent: bytes) -> tuple[int, str]:
    connection = tab(port)
    connection.sendall(frame(message("ViewerCameraMessage", **CAMERA)))
    connection.sendall(sent)
    return ended(connection)


def test_malformed_frames_and_text_end_their_own_tab_alone(port, quiet):
    assert ended_by(port, frame(b"words", code=1))[0] == 1007
    for wrong in (b"\x80\x05hello", b"\xff\x80" + bytes(4), b"\x8b\x80" + bytes(4), frame(b"\xff\xfe", code=1)):
        assert ended_by(port, wrong)[0] in (1002, 1007)


def test_a_page_of_another_version_is_told_so(port, quiet):
    code, reason = ended(tab(port, version="0.0.1"))
    assert code == 1002 and reason.startswith("Version mismatch. Client: 0.0.1")


def test_a_value_of_another_type_is_one_line_however_often_it_comes(port, sliders, caplog, capfd):
    with tab(port, session="a-slider-of-mine") as connection:
        connection.sendall(frame(message("ViewerCameraMessage", **CAMERA)))
        wait(lambda: "a-slider-of-mine" in sliders)
        slider = sliders["a-slider-of-mine"]
        for value in ("much", "more", [1], 0.75):
            connection.sendall(frame(message("GuiUpdateMessage", uuid=slider._impl.uuid, updates={"value": value})))
        wait(lambda: slider.value == 0.75)  # the tab lives on
    gc.collect()  # tasks speak when they are collected
    wait(lambda: len(caplog.records) == 2)
    said = [record.getMessage() for record in caplog.records]
    assert all(line.startswith("a tab's message could not be acted on: ") for line in said), said
    assert not any(record.exc_info for record in caplog.records)
    assert "".join(capfd.readouterr()) == ""


def wait(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
