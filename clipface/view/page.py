"""One tab's page: its state, its panels, and where its errors are shown."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clipface.view.controls import Controls
from clipface.view.edits.words import summary
from clipface.view.panels.edit import EditPanel
from clipface.view.panels.expression import ExpressionPanel
from clipface.view.panels.face import FacePanel
from clipface.view.panels.keep import keep_panel
from clipface.view.panels.motion import MotionPanel
from clipface.view.panels.view import export_panel, view_panel
from clipface.view.persons.store import REMEDY
from clipface.view.screen.backdrop import sign
from clipface.view.screen.gallery import Grid, pages, tile_at
from clipface.view.screen.player import LivePlayer, Player
from clipface.view.screen.stream import ImageStream
from clipface.view.services import Services
from clipface.view.session.sessions import Session
from clipface.view.session.state import FaceState, ViewSettings

if TYPE_CHECKING:
    import viser

ERROR_SECONDS = 12.0  # that a message stays
EXPECTED = (ValueError, FileNotFoundError, ImportError, TimeoutError, OSError)  # their words are for the user

logger = logging.getLogger(__name__)


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
        self.player: Player | LivePlayer | None = None  # what moves
        self.gallery: Any = None  # the panel whose gallery is laid into the view
        self.images = ImageStream(client, services.engine, services.workers, self.tell)
        client.scene.set_background_image(sign("Loading the face …", self.images.camera.size), format="jpeg")
        client.flush()
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
            ExpressionPanel(self)
        with tabs.add_tab("View"):
            view_panel(self)
        with tabs.add_tab("Motion"):
            self.motion = MotionPanel(self)
        with tabs.add_tab("Export"):
            export_panel(self)
            keep_panel(self)
        for remark in filter(None, (session.remark, self._without_strangers())):
            self.notify("Before you begin", remark, "orange")
        self.refresh()
        services.workers.start(self._follow, "training, followed by a tab")

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
        self._check_persons(state.person)
        with self._lock:
            self.session.history.push(state, label, time.monotonic())
            self.show()

    def replace(self, label: str, **values: object) -> None:
        """Give fields of the state other values, and move all widgets to them."""
        self.change(replace(self.state, **values), label)
        self.refresh()

    def change_view(self, **values: object) -> None:
        """Look at the face in another way: fields of `ViewSettings`."""
        view = replace(self.session.view, **values)
        self._check_persons(*(person for person, _ in view.others))
        with self._lock:
            self.session.view = view
            self.show()

    def show(self) -> None:
        """Show the current face, its summary and its history."""
        with self._lock:  # else an older wish could overtake a newer one
            shown = self.gallery and self.gallery.gallery(self.state)
            self.images.show(self.state, self.view, shown, self.player)
            self._summary.content = summary(self.state, dict(self.persons_shown()).get(self.state.person, ""))
            self.edit.show(self.state)
            self.face.persons.show()

    def refresh(self) -> None:
        """Move all widgets to the current state, and show it."""
        with self._lock:
            self.controls.refresh()
            self.show()

    def play(self, player: Player | LivePlayer | None) -> None:
        """Have something move, or nothing (None)."""
        with self._lock:
            self.player = player
            self.show()

    @property
    def closed(self) -> bool:
        """Whether the tab is gone."""
        return self._closed.is_set()

    def open_gallery(self, panel: Any) -> None:
        """Lay a panel's gallery into the view, in place of another; None: none."""
        with self._lock:
            if self.gallery is not None:
                self.gallery.opened(False)
            self.client.scene.remove_click_callback("all")
            self.gallery = panel
            if panel is not None:
                panel.opened(True)
                self.client.scene.on_click()(lambda event: self.guarded(lambda: self._clicked(event.screen_pos)))
            self.show()

    def _clicked(self, place: tuple[float, float]) -> None:
        panel = self.gallery
        tile = panel and tile_at(panel.gallery(self.state), self.images.camera.size, place)
        if tile:
            panel.clicked(tile)

    def persons_shown(self) -> list[tuple[str, str]]:
        """Keys and names of the persons that this tab may see."""
        return self.services.persons.seen_by(self.session.name)

    def gallery_pages(self) -> int:
        """How many pages the gallery takes on this tab's canvas."""
        return pages(self.gallery.gallery(self.state), Grid.of(self.images.camera.size)) if self.gallery else 1

    def guarded(self, action: Callable[[], None]) -> None:
        """Run an action; what goes wrong is shown in the page, and widgets go back to what holds."""
        with self.services.workers.act() as wanted:
            try:
                if wanted:
                    action()
            except Exception as error:  # noqa: BLE001  the page shows it
                self.tell(error)
                self.controls.refresh()

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
        self.face.persons.close()
        self.motion.close()

    def open_session(self, content: bytes) -> None:
        """Take all from a session's file.

        Raises:
            ValueError: if it holds what cannot be, or a person that this visitor may not see.
        """
        opened = replace(self.session)
        opened.take(content)
        self._check_persons(opened.history.state.person, *(person for person, _ in opened.view.others))
        with self._lock:
            self.session.take(content)
            self._without_strangers()
            self.refresh()

    def _without_strangers(self) -> str:
        """Leave out persons that this visitor may not see, whom a link may name; returns what is to be said of it."""
        session, mine = self.session, {"", *(key for key, _ in self.persons_shown())}
        shown = session.history.state.person, *(person for person, _ in session.view.others)
        session.history.without(lambda state: state.person not in mine)
        for key in {*shown} - mine:
            session.view = session.view.without_person(key)
        return "" if {*shown} <= mine else f"A person of this page is not there for you; {REMEDY}."

    def _check_persons(self, *keys: str) -> None:
        for key in keys:
            if key:
                self.services.persons.check(key, self.session.name)

    def _step(self) -> None:
        with self._lock:
            self.session.history.move(-1 if self._steps.value == "Undo" else 1)
        self.refresh()

    def _follow(self) -> None:
        while not self._closed.wait(0.5):
            self.guarded(self.edit.follow_training)
            self.guarded(self.face.persons.follow)
            self.guarded(self.motion.follow)
            self.guarded(lambda: self.services.sessions.keep(self.session))
