"""Widgets bound to the state: what the user moves changes the state, what undo changes moves the widget."""

from collections.abc import Callable
from typing import Any

from clipface.view.state import FaceState


class Controls:
    """All widgets of a page that show a part of its state."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` whose state they show."""
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
