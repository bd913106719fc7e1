"""What the server keeps for each tab of a browser, so that a reload, and a restart of the server, find it again.

A tab's address ends in its session's name, which a reload keeps and a new tab does not have. A tab that was duplicated
has the same address: it begins with a copy.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from clipface.files import regular, write_atomic
from clipface.view.session.history import History
from clipface.view.session.session_file import MOST_BYTES, REMEDY, from_json, to_json
from clipface.view.session.state import FaceState, ViewSettings

MOST_SESSIONS = 100  # the longest unused ones are forgotten
PLAIN = {"prompt": str, "region": (str, type(None)), "as_layer": bool, "linked": bool}  # fields of a session's file
OWNER_ONLY = 0o700  # of the folder


@dataclass
class Session:
    """One tab's face, its history, and how it is looked at."""

    history: History = field(default_factory=History)
    view: ViewSettings = field(default_factory=ViewSettings)
    prompt: str = ""  # words in the text field
    region: str | None = None  # that the next edit is kept to
    as_layer: bool = False  # whether the next edit is a layer of its own, or takes the last one's place
    linked: bool = True  # whether sliders of the left side move the right one too
    connected: bool = False
    name: str = ""  # at the end of its tab's address
    remark: str = ""  # what its user has to be told at the beginning

    def copy(self) -> "Session":
        """The same face for another tab."""
        return replace(self, history=self.history.copy(), connected=False, remark="")

    def content(self) -> bytes:
        """All of it as a file."""
        return to_json(self.history, self.view, **{name: getattr(self, name) for name in PLAIN})

    def take(self, content: bytes) -> None:
        """Take all from a file; raises ValueError, and changes nothing, if it holds what cannot be."""
        history, view, fields = from_json(content)
        for name, kind in PLAIN.items():
            if name in fields and not isinstance(fields[name], kind):
                raise ValueError(f"session: {name}: got {type(fields[name]).__name__}; {REMEDY}")
        self.history, self.view = history, view
        for name in PLAIN:
            setattr(self, name, fields.get(name, getattr(self, name)))


def read_session(path: Path, name: str = "") -> Session:
    """Read what a page has kept or saved.

    Raises:
        ValueError: if it holds what cannot be, or is no file; says what.
    """
    session = Session(name=name)
    if regular(path, "session", REMEDY).stat().st_size > MOST_BYTES:
        raise ValueError(f"session: expected at most {MOST_BYTES >> 20} MB in {path}; {REMEDY}")
    try:
        session.take(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    return session


class Sessions:
    """Sessions by name; several for a name if a tab was duplicated. Safe to use from several threads."""

    def __init__(self, folder: Path | None = None) -> None:
        """Args: folder: where they outlive the server; None: in memory alone."""
        self._folder = folder
        self._by_name: dict[str, list[Session]] = {}
        self._kept: dict[str, bytes] = {}  # what was written last
        self._lock = threading.Lock()

    def connect(self, name: str) -> Session:
        """The session for a tab that connects: its old one after a reload, a copy if another tab has that, or new."""
        with self._lock:
            known = self._by_name.pop(name, None) or self._read(name)
            self._by_name[name] = known  # last used, so last forgotten
            free = [session for session in known if not session.connected]
            if not free:
                free = [known[0].copy() if known else Session()]
                known.append(free[0])
            free[0].connected, free[0].name = True, name
            self._forget()
            return free[0]

    def begin(self, name: str, state: FaceState, view: ViewSettings, remark: str = "") -> None:
        """Have a session of this name begin with a face, unless there is one already."""
        with self._lock:
            if name not in self._by_name and not self._read(name):
                session = Session(view=view, remark=remark, name=name)
                session.history.push(state, "link", 0.0)
                self._by_name[name] = [session]
                self._forget()

    def disconnect(self, session: Session) -> None:
        """Keep a session for when its tab comes back."""
        with self._lock:
            session.connected = False
        self.keep(session)

    def keep(self, session: Session) -> None:
        """Write a session, if something was done in it since, and it is its name's first."""
        with self._lock:
            known = self._by_name.get(session.name)
            if self._folder is None or not known or known[0] is not session or len(session.history.entries) < 2:
                return
            content = session.content()
            if self._kept.get(session.name) != content:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._folder.chmod(OWNER_ONLY)
                write_atomic(self._folder / f"{session.name}.json", content)
                self._kept[session.name] = content

    def _read(self, name: str) -> list[Session]:
        file = self._folder / f"{name}.json" if self._folder else None
        if file is None or not file.is_file():
            return []
        try:
            return [read_session(file, name)]
        except (OSError, ValueError) as error:
            return [Session(name=name, remark=f"What was kept of this page cannot be read ({error}); it begins anew.")]

    def _forget(self) -> None:
        idle = [name for name, known in self._by_name.items() if not any(session.connected for session in known)]
        for name in idle[: max(len(self._by_name) - MOST_SESSIONS, 0)]:
            del self._by_name[name]
            self._kept.pop(name, None)
        files = self._folder.glob("*.json") if self._folder else ()
        for file in sorted(files, key=lambda file: file.stat().st_mtime)[:-MOST_SESSIONS]:
            if file.stem not in self._by_name:
                with suppress(OSError):
                    file.unlink()
