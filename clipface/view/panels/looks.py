"""The panel of looks: a gallery in the view, in groups and by search; a click on an image applies it."""

from typing import Any

from clipface.view.edits.looks import ALL, KnownEdit, chosen, groups_of, known_edits
from clipface.view.screen.gallery import Gallery, Tile
from clipface.view.session.state import Edit, FaceState

OPEN, CLOSE = "Choose a look …", "Close the looks"
BACK, FORTH = "‹ Page", "Page ›"


class LooksPanel:
    """Which looks are laid out; the page shows them."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui = page, page.client.gui
        self._edits: list[KnownEdit] | None = None
        self._at = 0  # page of the gallery
        self._open = gui.add_button(OPEN, hint="Small images of the present face in each look; click one")
        self._group = gui.add_dropdown("Group", (ALL,), visible=False)
        self._search = gui.add_text("Search", "", visible=False, hint="A part of a look's name")
        self._pages = gui.add_button_group("Gallery", (BACK, FORTH), visible=False)
        page.controls.on_click(self._open, lambda: page.open_gallery(None if page.gallery is self else self))
        page.controls.on_user(self._group, self._turned)
        page.controls.on_user(self._search, self._turned)
        page.controls.on_click(self._pages, lambda: self._turned(self._at + (1 if self._pages.value == FORTH else -1)))

    def opened(self, is_open: bool) -> None:
        """Show the widgets that only an open gallery needs, or hide them."""
        if is_open and self._edits is None:
            self.read_again()
        self._open.label = CLOSE if is_open else OPEN
        for widget in (self._group, self._search, self._pages):
            widget.visible = is_open

    def read_again(self) -> None:
        """Find what there is, as a training has ended."""
        services = self._page.services
        self._edits = known_edits(services.engine.library, services.prompts)
        self._group.options = groups_of(self._edits)

    def gallery(self, state: FaceState) -> Gallery:
        """What is laid out: the present face, without its edits, in each of the chosen looks."""
        plain = FaceState(seed=state.seed, psi=state.psi, sliders=state.sliders)
        found = chosen(self._edits or (), self._group.value, self._search.value)
        tiles = tuple(
            Tile(edit.mapper, edit.name, plain.with_last_edit(Edit(edit.mapper))) for edit in found
        )  # fmt: skip
        return Gallery(tiles, frozenset(edit.mapper for edit in state.edits), self._at)

    def clicked(self, tile: Tile) -> None:
        """Apply a look."""
        self._page.edit.apply(tile.key, tile.caption)

    def _turned(self, at: int = 0) -> None:
        self._at = min(max(at, 0), self._page.gallery_pages() - 1)
        self._page.show()
