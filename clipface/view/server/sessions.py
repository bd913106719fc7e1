"""What the server keeps for each tab of a browser, so that a reload finds it again.

A tab's address ends in its session's name, which a reload keeps and a new tab does not have. A tab that was duplicated
has the same address: it begins with a copy.
"""

import secrets
import threading
from dataclasses import dataclass, field

from clipface.view.state import History, ViewSettings

MOST_SESSIONS = 100  # the longest unused ones are forgotten


@dataclass
class Session:
    """One tab's face, its history, and how it is looked at."""

    history: History = field(default_factory=History)
    view: ViewSettings = field(default_factory=ViewSettings)
    prompt: str = ""  # words in the text field
    region: str | None = None  # chosen for the next edit
    add_next: bool = False  # whether the next edit comes on top of the last one
    connected: bool = False

    def copy(self) -> "Session":
        """The same face for another tab."""
        return Session(self.history.copy(), self.view, self.prompt, self.region, self.add_next)


class Sessions:
    """Sessions by name, in memory; several for a name if a tab was duplicated. Safe to use from several threads."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Session]] = {}
        self._lock = threading.Lock()

    def connect(self, name: str) -> Session:
        """The session for a tab that connects: its old one after a reload, a copy if another tab has that, or new."""
        with self._lock:
            known = self._by_name.pop(name, [])
            self._by_name[name] = known  # last used, so last forgotten
            free = [session for session in known if not session.connected]
            if not free:
                free = [known[0].copy() if known else Session()]
                known.append(free[0])
            free[0].connected = True
            self._forget()
            return free[0]

    def disconnect(self, session: Session) -> None:
        """Keep a session for when its tab comes back."""
        with self._lock:
            session.connected = False

    def _forget(self) -> None:
        idle = [name for name, known in self._by_name.items() if not any(session.connected for session in known)]
        for name in idle[: max(len(self._by_name) - MOST_SESSIONS, 0)]:
            del self._by_name[name]


def new_name() -> str:
    """A session's name that nobody can guess."""
    return secrets.token_urlsafe(12)
