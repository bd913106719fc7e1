"""The widgets of a page that show a part of its state."""

from collections.abc import Callable
from typing import Any

from clipface.view.session.state import FaceState


class Controls:
    """All widgets of a page that show a part of its state."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` whose state they show."""
        self._page = page
        self._readers: list[tuple[Any, Callable[[], Any]]] = []

    def bind(
        self,
        widget: Any,
        label: str | Callable[[FaceState], str],
        read: Callable[[FaceState], Any],
        changed: Callable[[FaceState, Any], FaceState],
    ) -> None:
        """Bind a widget to a part of the face.

        Args:
            widget: one of viser's inputs.
            label: of its changes in the history, or what gives it for the state before the change.
            read: the widget's value for a state.
            changed: the state for a widget's value; raises ValueError for a value that cannot be.
        """

        def follow() -> None:
            # The value is read when its turn comes: viser runs these side by side, and the newest one is right.
            state = self._page.state
            self._page.change(changed(state, widget.value), label if isinstance(label, str) else label(state))
            self.refresh(but=widget)  # which may be elsewhere by now

        self.show(widget, lambda: read(self._page.state), follow)

    def show(self, widget: Any, read: Callable[[], Any], action: Callable[[], None]) -> None:
        """Have a widget show what `read` gives at every refresh, and run an action when somebody changes it."""
        self._readers.append((widget, read))
        self.on_user(widget, action)

    def on_user(self, widget: Any, action: Callable[[], None]) -> None:
        """Run an action when somebody, not this program, changes an input."""

        @widget.on_update
        def _(event: Any) -> None:
            if event.client_id is not None:
                self._page.guarded(action)

    def on_click(self, button: Any, action: Callable[[], None]) -> None:
        """Run an action when a button is pressed."""
        button.on_click(lambda _: self._page.guarded(action))

    def refresh(self, but: Any = None) -> None:
        """Move all widgets, or all but one, to what holds."""
        for widget, read in self._readers:
            value = read()
            if widget is not but and widget.value != value:
                widget.value = value
