"""The panel of faces: which one, from a gallery or by number; what is known of people, and the head's form."""

from dataclasses import replace
from typing import Any

from clipface.edit.options import PSI
from clipface.head.lengths import MEASUREMENTS
from clipface.view.panels.persons import PersonsPanel
from clipface.view.screen.gallery import Gallery, Tile
from clipface.view.session.state import FORM_LIMIT, MOST_PSI, FaceState

SHOWN = 60  # numbered faces in the gallery, from a first one on
OPEN, CLOSE = "Choose a face …", "Close the faces"
BACK, FORTH = "‹ Page", "Page ›"
# What the sliders of the shipped people are called.
LABELS = {"older": "Age", "feminine": "Masculine – feminine", "smiling": "Smile", "darker": "Skin, darker"}
REACH = {"lip fullness": 5.0, "nose width": 8.0, "nose length": 10.0}  # millimetres, where less is much


class FacePanel:
    """Faces by number or from a gallery, and sliders with names that people know."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui, controls = page, page.client.gui, page.controls
        self._at = 0
        self._open = gui.add_button(OPEN, hint="Small images of faces under the present edit; click one")
        self._beside = gui.add_checkbox(
            "Beside this one", False, visible=False, hint="A click puts a face beside the present one, or takes it away"
        )
        self._pages = gui.add_button_group("Gallery", (BACK, FORTH), visible=False)
        self.persons = PersonsPanel(page)
        controls.on_click(self._open, lambda: page.open_gallery(None if page.gallery is self else self))
        controls.on_click(self._pages, self._turned)
        seed = gui.add_number("Face number", 0, min=0, max=2**53, step=1)
        psi = gui.add_slider("Variety (psi)", 0.0, MOST_PSI, 0.05, PSI, hint="0: the mean texture")
        controls.bind(
            seed, "face", lambda state: state.seed, lambda state, value: replace(state, seed=value, person="")
        )
        controls.bind(psi, "variety", lambda state: state.psi, lambda state, value: replace(state, psi=value))
        for name, slider in page.services.engine.sliders.items():
            most = float(slider["most"])
            hint = f"In {slider['unit']}; texture and head, as photographs change"
            widget = gui.add_slider(LABELS.get(name, name.capitalize()), -most, most, most / 40, 0.0, hint=hint)
            self._bind(widget, "sliders", name)
        if page.services.engine.head.has_landmarks:
            with gui.add_folder("Form, in millimetres", expand_by_default=False):
                for name in MEASUREMENTS:
                    most = REACH.get(name, FORM_LIMIT)
                    self._bind(gui.add_slider(name.capitalize(), -most, most, 0.1, 0.0), "form", name)
                own = gui.add_button("Own form again")
                controls.on_click(own, lambda: page.replace("own form", form=()))

    def opened(self, is_open: bool) -> None:
        """Show the widgets that only an open gallery needs, or hide them."""
        self._open.label = CLOSE if is_open else OPEN
        self._beside.visible = self._pages.visible = is_open

    def gallery(self, state: FaceState) -> Gallery:
        """What is laid out: persons of this tab, then numbered faces, all of them under the present edits."""
        edited = FaceState(psi=state.psi, edits=state.edits)
        tiles = [
            Tile(f"person:{key}", name, replace(edited, person=key)) for key, name in self._page.persons_shown()
        ]  # fmt: skip
        tiles += [Tile(str(seed), f"Face {seed}", replace(edited, seed=seed)) for seed in range(SHOWN)]
        others = [_key(*who) for who in self._page.view.others]
        return Gallery(tuple(tiles), frozenset([_key(state.person, state.seed), *others]), self._at)

    def clicked(self, tile: Tile) -> None:
        """Take a face, or put it beside the present one."""
        page, who = self._page, (tile.face.person, tile.face.seed)
        if not self._beside.value:
            page.replace("face", person=who[0], seed=who[1])
        elif who != (page.state.person, page.state.seed):
            others = page.view.others
            fewer = tuple(other for other in others if other != who)
            page.change_view(others=fewer if who in others else (*others, who))

    def _bind(self, widget: Any, field: str, name: str) -> None:
        self._page.controls.bind(
            widget, name, lambda state: state.value(field, name),
            lambda state, value: state.with_value(field, name, value),
        )  # fmt: skip

    def _turned(self) -> None:
        step = 1 if self._pages.value == FORTH else -1
        self._at = min(max(self._at + step, 0), self._page.gallery_pages() - 1)
        self._page.show()


def _key(person: str, seed: int) -> str:
    return f"person:{person}" if person else str(seed)
