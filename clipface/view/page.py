"""One tab's page: its state, its panels, and where its errors are shown."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clipface.settings import TEXT_PREFIX
from clipface.view.engine import Engine
from clipface.view.panels.edit import EditPanel
from clipface.view.panels.face import FacePanel, expression_panel
from clipface.view.panels.view import export_panel, view_panel
from clipface.view.server.sessions import Session, Sessions
from clipface.view.state import FaceState, ViewSettings
from clipface.view.stream import ImageStream
from clipface.view.training import TrainingJobs

if TYPE_CHECKING:
    import viser

ERROR_SECONDS = 12.0  # that a message stays
EXPECTED = (ValueError, FileNotFoundError, ImportError, TimeoutError, OSError)  # their words are for the user

logger = logging.getLogger(__name__)


@dataclass
class Services:
    """What all tabs share."""

    engine: Engine
    training: TrainingJobs
    prompts: dict[str, str]  # names of known prompts and their words


class Controls:
    """All widgets of a page that show a part of its state."""

    def __init__(self, page: "Page") -> None:
        """Args: page: whose state they show."""
        self._page = page
        self._readers: list[tuple[Any, Callable[[FaceState], Any]]] = []

    def bind(
        self,
        widget: Any,
        label: str,
        read: Callable[[FaceState], Any],
        changed: Callable[[FaceState, Any], FaceState],
    ) -> None:
        """Bind a widget.

        Args:
            widget: one of viser's inputs.
            label: of its changes in the history.
            read: the widget's value for a state.
            changed: the state for a widget's value.
        """
        self._readers.append((widget, read))

        # The value is read when its turn comes: viser runs these side by side, and the newest value is the right one.
        self.on_user(widget, lambda: self._page.change(changed(self._page.state, widget.value), label))

    def on_user(self, widget: Any, action: Callable[[], None]) -> None:
        """Run an action when somebody, not this program, changes an input."""

        @widget.on_update
        def _(event: Any) -> None:
            if event.client_id is not None:
                self._page.guarded(action)

    def on_click(self, button: Any, action: Callable[[], None]) -> None:
        """Run an action when a button is pressed."""
        button.on_click(lambda _: self._page.guarded(action))

    def refresh(self) -> None:
        """Move all widgets to where the state is."""
        for widget, read in self._readers:
            widget.value = read(self._page.state)


class Page:
    """Widgets and images of one tab; everything that it changes is the tab's own."""

    def __init__(self, client: "viser.ClientHandle", session: Session, services: Services) -> None:
        """Build the page and show the session's face.

        Args:
            client: viser's handle of the tab.
            session: what the tab looked at before a reload, or a new one.
            services: shared by all tabs.
        """
        self.client, self.session, self.services = client, session, services
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self.controls = Controls(self)
        self.images = ImageStream(client, services.engine, self.tell)
        gui = client.gui
        self._summary = gui.add_markdown("")
        self._steps = gui.add_button_group("History", ("Undo", "Redo"))
        self._steps.on_click(lambda _: self.guarded(self._step))
        tabs = gui.add_tab_group()
        with tabs.add_tab("Edit"):
            self.edit = EditPanel(self)
        with tabs.add_tab("Face"):
            self.face = FacePanel(self)
        with tabs.add_tab("Expression"):
            expression_panel(self)
        with tabs.add_tab("View"):
            view_panel(self)
        with tabs.add_tab("Export"):
            export_panel(self)
        self.refresh()
        threading.Thread(target=self._follow, name="training, followed by a tab", daemon=True).start()

    @property
    def state(self) -> FaceState:
        """The current face."""
        return self.session.history.state

    @property
    def view(self) -> ViewSettings:
        """How it is looked at."""
        return self.session.view

    def change(self, state: FaceState, label: str) -> None:
        """Make a state the current one, and show it."""
        with self._lock:
            self.session.history.push(state, label, time.monotonic())
            self.show()

    def replace(self, label: str, **values: object) -> None:
        """Give fields of the state other values, and move all widgets to them."""
        self.change(replace(self.state, **values), label)
        self.refresh()

    def change_view(self, **values: object) -> None:
        """Look at the face in another way: fields of `ViewSettings`."""
        with self._lock:
            self.session.view = replace(self.session.view, **values)
            self.show()

    def show(self) -> None:
        """Show the current face, its summary and its history."""
        with self._lock:  # else an older wish could overtake a newer one
            self.images.show(self.state, self.view)
            self._summary.content = summary(self.state)
            self.edit.show_history()

    def refresh(self) -> None:
        """Move all widgets to the current state, and show it."""
        with self._lock:
            self.controls.refresh()
            self.show()

    def guarded(self, action: Callable[[], None]) -> None:
        """Run an action; what goes wrong is shown in the page."""
        try:
            action()
        except Exception as error:  # noqa: BLE001  the page shows it
            self.tell(error)

    def tell(self, error: Exception) -> None:
        """Show an error: its own words if they are meant for the user, else its kind, and the rest in the terminal."""
        expected = isinstance(error, EXPECTED)
        body = str(error) if expected else f"{type(error).__name__}: the terminal of the editor says more"
        if not expected:
            logger.error("unexpected error in the editor", exc_info=error)
        self.notify("That did not work", body, "red")

    def notify(self, title: str, body: str, color: str = "blue") -> None:
        """Show a message for a while."""
        self.client.add_notification(title, body, color=color, auto_close_seconds=ERROR_SECONDS)

    def close(self) -> None:
        """End what works for this tab; its session stays."""
        self._closed.set()
        self.images.close()

    def _step(self) -> None:
        with self._lock:
            self.session.history.move(-1 if self._steps.value == "Undo" else 1)
        self.refresh()

    def _follow(self) -> None:
        self.guarded(self.face.draw_grid)
        while not self._closed.wait(0.5):
            self.guarded(self.edit.follow_training)


class Pages:
    """The pages of all tabs. Safe to use from several threads."""

    def __init__(self, services: Services) -> None:
        """Args: services: shared by all pages."""
        self._services, self._sessions = services, Sessions()
        self._open: dict[int, Page] = {}
        self._gone: set[int] = set()  # tabs that went before their page was there
        self._lock = threading.Lock()

    def open(self, client: "viser.ClientHandle", name: str) -> None:
        """Build the page of a tab that has connected, for the session of this name."""
        page = Page(client, self._sessions.connect(name), self._services)
        with self._lock:
            self._open[client.client_id] = page
            gone = client.client_id in self._gone
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


def summary(state: FaceState) -> str:
    """A face in one line of Markdown."""
    edits = [f"*{name_of(edit.mapper)}* × {edit.strength:.2f}" for edit in state.edits if edit.strength]
    return f"**Face {state.seed}** {'with ' + ', then '.join(edits) if edits else 'unedited'}"


def name_of(mapper: str) -> str:
    """A run's name for the eye: without its date."""
    if mapper.startswith(TEXT_PREFIX):
        return mapper.removeprefix(TEXT_PREFIX)
    return mapper.rpartition("_mapper_")[2].replace("_", " ")
