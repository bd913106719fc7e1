"""Who may see the page: every request and every websocket passes here first.

Addresses: `/` leads to a new session, `/<session>` is the page. With a token, `/?token=<token>` leads to a new session
and `/<token>/<session>` is the page. The page's websocket has the same address, so it carries the token too.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlencode

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SESSION_NAME = re.compile(r"[A-Za-z0-9_-]{8,64}")
READ = ("Host", "Origin", "Upgrade", "Accept-Encoding")  # headers that the gate and viser read
_NAME, _PORT = r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)", "(:[0-9]{1,5})?"
HOST = re.compile(_NAME + _PORT)
ORIGIN = re.compile(f"(null|[a-z][a-z0-9+.-]*://(?P<site>({_NAME}{_PORT})?)|)")  # the last: a request without one
PATH = re.compile(r"/([!-$&-~]|%[0-9A-Fa-f]{2})*")


def new_name() -> str:
    """A session's name that nobody can guess."""
    return secrets.token_urlsafe(12)


class Admitted(NamedTuple):
    """A request for the page of a session, or its websocket."""

    session: str


class Redirected(NamedTuple):
    """To a new session."""

    path: str


class Refused(NamedTuple):
    """With an HTTP status and the reason in words."""

    status: int
    reason: str


class TokenAuth:
    """Decides by a request's path and headers alone."""

    def __init__(self, token: str | None, loopback: bool) -> None:
        """Create a gate.

        Args:
            token: that every request must carry; None: none.
            loopback: whether the server is meant for this machine alone; requests that name another host are then
                refused, so that a foreign page cannot reach it under a name that it makes point here.

        Raises:
            ValueError: if other machines may come and there is no token, or the token has other characters.
        """
        if token is None and not loopback:
            raise ValueError("token: expected one where other machines may connect, got none")
        if token is not None and not SESSION_NAME.fullmatch(token):
            raise ValueError("token: expected 8 to 64 letters, digits, - or _, got something else")
        self.token, self._loopback = token, loopback

    def entrance(self) -> str:
        """Path of a new session, with the token: what to print at the start."""
        return "/" if self.token is None else f"/?token={self.token}"

    def decide(self, path: str, headers: Mapping[str, str]) -> Admitted | Redirected | Refused:
        """Judge a request by its path with query, and its headers."""
        wrong = malformed(path, headers)
        if wrong is not None:
            return Refused(400, wrong)
        host, origin = headers.get("Host", ""), headers.get("Origin")
        if self._loopback and HOST.fullmatch(host)["name"].strip("[]").lower() not in LOOPBACK:
            return Refused(403, "host: the editor listens to this machine alone; open it as 127.0.0.1 or localhost")
        if origin and ORIGIN.fullmatch(origin)["site"] != host:  # a websocket that another site's page opened
            return Refused(403, "origin: expected the editor's own page, got another site's")
        address, _, query = path.partition("?")
        segments = [segment for segment in address.split("/") if segment]
        if self.token is None:
            before = ""
        else:
            given = segments.pop(0) if segments else (parse_qs(query).get("token") or [""])[0]
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                return Refused(403, "token: expected the address that was printed at the start, got one without it")
            before = f"/{self.token}"
        if not segments:
            kept = urlencode([pair for pair in parse_qsl(query) if pair[0] != "token"])  # viser has options
            return Redirected(f"{before}/{new_name()}{'?' + kept if kept else ''}")
        if len(segments) > 1 or not SESSION_NAME.fullmatch(segments[0]):
            return Refused(404, "address: expected the one that was printed at the start; there is nothing here")
        return Admitted(segments[0])


def malformed(path: str, headers: Mapping[str, str]) -> str | None:
    """Say what in a request no browser sends: its path with query, or a header that is read; None: nothing."""
    try:
        read = {name: headers.get(name) or "" for name in READ}
    except LookupError:  # of websockets' headers, which may hold several of one name
        return f"headers: expected {', '.join(READ)} once each at most, got more"
    if not HOST.fullmatch(read["Host"]):
        return "host: expected a name or an address, with a port, got something else"
    if not ORIGIN.fullmatch(read["Origin"]):
        return "origin: expected a site's address, got something else"
    if not PATH.fullmatch(path):
        return "address: expected / and then letters, digits and signs, got something else"
    return None
