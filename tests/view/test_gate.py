"""Who gets in: decisions by address and headers, and a real server that keeps to them."""

import http.client
import socket
import threading
import time

import pytest

from clipface.view.server.token_auth import Admitted, Redirected, Refused, TokenAuth

TOKEN = "a-secret-of-ours"
HOST = {"Host": "127.0.0.1:8080"}


def test_on_this_machine_everybody_gets_a_session():
    gate = TokenAuth(None, loopback=True)
    first, second = gate.decide("/", HOST), gate.decide("/?darkMode=1", HOST)
    assert isinstance(first, Redirected) and first != second
    assert second.path.endswith("?darkMode=1")
    assert gate.decide(first.path, HOST) == Admitted(first.path[1:])
    assert gate.decide(first.path + "?websocket=ws://x", HOST) == Admitted(first.path[1:])
    assert gate.entrance() == "/"


def test_without_the_token_nothing_is_answered():
    gate = TokenAuth(TOKEN, loopback=False)
    entered = gate.decide(gate.entrance(), {"Host": "big:8080"})
    assert isinstance(entered, Redirected) and entered.path.startswith(f"/{TOKEN}/")
    session = entered.path.rpartition("/")[2]
    assert gate.decide(entered.path, {"Host": "big:8080"}) == Admitted(session)
    guesses = "/", f"/{session}", "/?token=", "/?token=guess", f"/guess-guess/{session}", "/index.html", f"//{session}"
    for path in guesses:
        decision = gate.decide(path, {"Host": "big:8080"})
        assert isinstance(decision, Refused) and decision.status == 403 and "token" in decision.reason, path


def test_other_sites_and_other_names_are_refused():
    gate = TokenAuth(None, loopback=True)
    for host in ("evil.com", "evil.com:8080", "127.0.0.1.evil.com", ""):
        assert isinstance(gate.decide("/", {"Host": host}), Refused)
    assert isinstance(gate.decide("/", {"Host": "[::1]:8080"}), Redirected)
    own = {**HOST, "Origin": "http://127.0.0.1:8080"}
    assert gate.decide("/a-session-name", own) == Admitted("a-session-name")
    for origin in ("http://evil.com", "http://127.0.0.1:9999", "null"):
        assert isinstance(gate.decide("/a-session-name", {**HOST, "Origin": origin}), Refused)


def test_there_is_nothing_but_the_page():
    gate = TokenAuth(None, loopback=True)
    for path in ("/a/b/c", "/a-session/another-one", "/../etc/passwd", "/short", "/" + 70 * "x", "/%2e%2e%2fsecrets"):
        assert gate.decide(path, HOST) == Refused(404, gate.decide(path, HOST).reason)


def test_a_server_for_others_must_have_a_token_that_fits():
    with pytest.raises(ValueError, match="token: expected one"):
        TokenAuth(None, loopback=False)
    with pytest.raises(ValueError, match="token: expected 8 to 64"):
        TokenAuth("short", loopback=True)


@pytest.fixture
def guarded():
    """A server with a token on this machine's own address, without pages."""
    pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
    from clipface.view.server import start as server

    running = server.start("127.0.0.1", 0, TokenAuth(TOKEN, loopback=False), lambda client, session: None)
    yield running.get_port()
    running.stop()


def get(port: int, path: str, **headers: str) -> tuple[int, dict, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.headers), answer.read()


def test_a_real_server_refuses_pages_and_websockets_without_the_token(guarded):
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    status, headers, body = get(guarded, "/")
    assert status == 403 and b"token" in body and TOKEN.encode() not in body
    status, headers, _ = get(guarded, f"/?token={TOKEN}")
    assert status == 302 and headers["Location"].startswith(f"/{TOKEN}/")
    status, more, body = get(guarded, headers["Location"])
    assert status == 200 and b"<html" in body and more["Referrer-Policy"] == "no-referrer"
    for path in ("/", "/guess-guess/a-session-name"):
        with pytest.raises(InvalidStatus, match="403"):
            connect(f"ws://127.0.0.1:{guarded}{path}", subprotocols=["viser-v0"])
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://127.0.0.1:{guarded}{headers['Location']}", origin="http://evil.com")
    with connect(f"ws://127.0.0.1:{guarded}{headers['Location']}", subprotocols=["viser-v0"]):
        pass  # viser itself turns another version away, after the handshake


def test_a_port_that_is_taken_and_a_host_that_is_not_ours_are_told_apart():
    from clipface.view.server.start import check_free

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ValueError, match="port: .*--port 0"):
            check_free("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(ValueError, match="host: expected an address"):
        check_free("no such host", 8080)
    with pytest.raises(ValueError, match="port: expected a number"):
        check_free("127.0.0.1", 10**6)


def test_the_end_waits_for_what_works_for_tabs_and_for_nothing_else():
    pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
    from viser_tab import ViserTab

    from clipface.view.server import start as server
    from clipface.view.server.workers import Workers

    workers, begun, never, ended = Workers(), threading.Event(), threading.Event(), threading.Event()

    def open_page(client, session):
        begun.set()
        time.sleep(0.3)  # a page takes time to build
        workers.start(lambda: time.sleep(0.7) or ended.set(), "a tab's")

    other = threading.Thread(target=never.wait, daemon=True)  # as of a library
    other.start()
    running = server.start("127.0.0.1", 0, TokenAuth(None, loopback=True), open_page, workers=workers)
    with ViserTab(running.get_port()):
        assert begun.wait(20)
    start = time.monotonic()
    server.stop(running, workers)
    assert ended.is_set() and time.monotonic() - start < server.LONGEST_END / 2
    never.set()
