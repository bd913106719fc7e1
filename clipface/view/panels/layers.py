"""The panel of layers: edits one after the other, each with its strength, its region, and whether it is on."""

from collections.abc import Callable
from typing import Any

from clipface.edit.regions import available_regions
from clipface.view.edits.words import name_of
from clipface.view.session.state import MOST_STRENGTH, Edit, FaceState

EVERYWHERE = "whole face"
EARLIER, LATER, REMOVE = "Earlier", "Later", "Remove"


class LayersPanel:
    """A folder of widgets for each layer; made as they are needed, and hidden when there are fewer."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui = page, page.client.gui
        self._regions = (EVERYWHERE, *available_regions(page.services.engine.head))
        self._rows: list[Any] = []
        self._folder = gui.add_folder("Layers")
        with self._folder:
            self._nothing = gui.add_markdown("*No edit yet.*")
            self._remove = gui.add_button("Remove all edits", color="gray", visible=False)
        page.controls.on_click(self._remove, lambda: page.replace("edits removed", edits=()))

    @property
    def regions(self) -> tuple[str, ...]:
        """What an edit can be kept to."""
        return self._regions

    def show(self, state: FaceState) -> None:
        """Have as many rows as the state has layers, with their names."""
        while len(self._rows) < len(state.edits):
            with self._folder:
                self._rows.append(self._row(len(self._rows)))
        for number, row in enumerate(self._rows):
            there = number < len(state.edits)
            if row.visible != there:
                row.visible = there
            label = _label(number, state.edits[number]) if there else ""
            if there and row.label != label:
                row.label = label
        self._nothing.visible = not state.edits
        self._remove.visible = bool(state.edits)

    def _row(self, number: int) -> Any:
        """The widgets of one layer, counted from 0."""
        gui, bind = self._page.client.gui, self._page.controls.bind
        label = _label(number, self._page.state.edits[number])
        # Before the button below all rows: viser orders what has no order of its own by when it was made.
        with gui.add_folder(label, order=number) as row:
            on = gui.add_checkbox("On", True)
            strength = gui.add_slider(
                "Strength", -MOST_STRENGTH, MOST_STRENGTH, 0.05, 1.0, hint="1: as trained; below 0: the opposite"
            )
            region = gui.add_dropdown("Region", self._regions, hint="Keeps this layer's texture to a part of the face")
            steps = gui.add_button_group("Layer", (EARLIER, LATER, REMOVE))
        for widget, field, otherwise in ((on, "on", True), (strength, "strength", 1.0), (region, "region", EVERYWHERE)):
            bind(widget, _change_of(number, field), _reader(number, field, otherwise), _setter(number, field))
        self._page.controls.on_click(steps, lambda: self._step(number, steps.value))
        self._page.controls.refresh()
        return row

    def _step(self, number: int, what: str) -> None:
        page, state = self._page, self._page.state
        if number >= len(state.edits):  # it was removed in the meantime
            return
        name = name_of(state.edits[number].mapper)
        if what == REMOVE:
            page.change(state.without_layer(number), f"{name} removed")
        else:
            page.change(state.with_layer_moved(number, -1 if what == EARLIER else 1), f"{name} moved")
        page.refresh()


def _label(number: int, edit: Edit) -> str:
    return f"{number + 1} · {name_of(edit.mapper)}{'' if edit.on else ' (off)'}"


def _change_of(number: int, field: str) -> Callable[[FaceState], str]:
    """What a change of a layer's field is called in the history."""
    return lambda state: " of ".join([field, *(name_of(edit.mapper) for edit in state.edits[number : number + 1])])


def _reader(number: int, field: str, otherwise: Any) -> Callable[[FaceState], Any]:
    def read(state: FaceState) -> Any:
        value = getattr(state.edits[number], field) if number < len(state.edits) else None
        return otherwise if value is None else value

    return read


def _setter(number: int, field: str) -> Callable[[FaceState, Any], FaceState]:
    return lambda state, value: state.with_layer(number, **{field: None if value == EVERYWHERE else value})
