"""The pages of all tabs."""

import threading
from typing import TYPE_CHECKING

from clipface.view.page import Page
from clipface.view.services import Services
from clipface.view.session.session_file import from_link
from clipface.view.session.state import FaceState, ViewSettings

if TYPE_CHECKING:
    import viser


class Pages:
    """The pages of all tabs. Safe to use from several threads."""

    def __init__(self, services: Services) -> None:
        """Args: services: shared by all pages."""
        self._services, self._sessions = services, services.sessions
        self._open: dict[int, Page] = {}
        self._gone: set[int] = set()  # tabs that went before their page was there
        self._ended = False
        self._lock = threading.Lock()

    def begin(self, name: str, letters: str) -> None:
        """Have a new session begin with what a link holds; what cannot be read is said on its page."""
        try:
            self._sessions.begin(name, *from_link(letters))
        except ValueError as error:
            self._sessions.begin(name, FaceState(), ViewSettings(), str(error))

    def open(self, client: "viser.ClientHandle", name: str) -> None:
        """Build the page of a tab that has connected, for the session of this name."""
        page = Page(client, self._sessions.connect(name), self._services)
        with self._lock:
            self._open[client.client_id] = page
            gone = self._ended or client.client_id in self._gone
        if gone:
            self.close(client)

    def close(self, client: "viser.ClientHandle") -> None:
        """End a tab's page; its session stays for when it comes back."""
        with self._lock:
            page = self._open.pop(client.client_id, None)
            if page is None:
                self._gone.add(client.client_id)
        if page is not None:
            page.close()
            self._sessions.disconnect(page.session)

    def end(self) -> None:
        """End all pages, also those that are not there yet: a busy machine may tell late that their tabs are gone."""
        with self._lock:
            self._ended, pages = True, [*self._open.values()]
        for page in pages:
            page.close()
        for page in pages:
            self.close(page.client)
