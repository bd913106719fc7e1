"""The panels of faces: which one, its identity, its expression and pose."""

from dataclasses import replace
from typing import Any

import numpy as np

from clipface.edit.options import PSI
from clipface.view.state import ANGLE_LIMITS, IDENTITY_COMPONENTS, IDENTITY_LIMIT, MOST_PSI, FaceState

ROWS, COLUMNS, SMALL = 3, 4, 96  # of the grid; pixels of a face
UNNAMED_LIMIT = 3.0  # standard deviations
# Named shapes by how their names begin, in the order of the folders.
FOLDERS = {
    "Eyes": ("eye",),
    "Brows": ("brow",),
    "Jaw": ("jaw",),
    "Mouth": ("mouth",),
    "Cheeks, nose, tongue": ("cheek", "nose", "tongue"),
}
ANGLE_LABELS = {
    "jaw_open": "Jaw open", "jaw_sideways": "Jaw sideways", "gaze_up": "Gaze up", "gaze_right": "Gaze right",
    "neck_nod": "Neck nod", "neck_turn": "Neck turn", "neck_tilt": "Neck tilt",
}  # fmt: skip


class FacePanel:
    """Faces by number or from a grid, and the components of identity."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui, controls = page, page.client.gui, page.controls
        self._first = 0
        seed = gui.add_number("Face number", 0, min=0, max=2**53, step=1)
        psi = gui.add_slider("Variety (psi)", 0.0, MOST_PSI, 0.05, PSI, hint="0: the mean texture")
        controls.bind(seed, "face", lambda state: state.seed, lambda state, value: replace(state, seed=int(value)))
        controls.bind(psi, "variety", lambda state: state.psi, lambda state, value: replace(state, psi=value))
        blank = np.full((SMALL, COLUMNS * SMALL, 3), 255, np.uint8)
        self._strips, self._buttons = [], []
        for row in range(ROWS):
            self._strips.append(gui.add_image(blank, jpeg_quality=90))
            buttons = gui.add_button_group("Take", self._numbers(row))
            controls.on_click(buttons, lambda buttons=buttons: page.replace("face", seed=int(buttons.value)))
            self._buttons.append(buttons)
        controls.on_click(gui.add_button("More faces"), self._more)
        for name, slider in page.services.engine.sliders.items():
            label, most = f"{name.capitalize()} ({slider['unit']})", slider["most"]
            widget = gui.add_slider(label, -most, most, most / 40, 0.0, hint="Texture and head, as photographs change")
            controls.bind(
                widget, name, lambda state, name=name: state.slider(name),
                lambda state, value, name=name: state.with_slider(name, value),
            )  # fmt: skip
        with gui.add_folder("Identity", expand_by_default=False):
            for component in range(IDENTITY_COMPONENTS):
                slider = gui.add_slider(f"Component {component + 1}", -IDENTITY_LIMIT, IDENTITY_LIMIT, 0.1, 0.0)
                controls.bind(
                    slider, f"identity {component + 1}",
                    lambda state, n=component: state.identity[n],
                    lambda state, value, n=component: state.with_identity(n, value),
                )  # fmt: skip
            own = gui.add_button("Own identity again")
            controls.on_click(own, lambda: page.replace("own identity", identity=FaceState().identity))

    def draw_grid(self) -> None:
        """Draw the small faces, row by row."""
        for row, (strip, buttons) in enumerate(zip(self._strips, self._buttons, strict=True)):
            seeds = [int(number) for number in self._numbers(row)]
            buttons.options = self._numbers(row)
            faces = self._page.services.engine.small_faces(seeds, self._page.state.psi, SMALL)
            strip.image = (faces.permute(2, 0, 3, 1).flatten(1, 2).cpu() * 255).round().byte().numpy()

    def _numbers(self, row: int) -> tuple[str, ...]:
        start = self._first + row * COLUMNS
        return tuple(str(number) for number in range(start, start + COLUMNS))

    def _more(self) -> None:
        self._first += ROWS * COLUMNS
        self.draw_grid()


def expression_panel(page: Any) -> None:
    """Make a slider for each joint angle and, in folders, each shape of the head, in the GUI context of a `Page`."""
    gui, bind = page.client.gui, page.controls.bind
    with gui.add_folder("Jaw, gaze, neck"):
        for name, limit in ANGLE_LIMITS.items():
            label = ANGLE_LABELS[name]
            slider = gui.add_slider(label, 0.0 if name == "jaw_open" else -limit, limit, 0.5, 0.0)
            bind(
                slider, label, lambda state, name=name: state.angle(name),
                lambda state, value, name=name: state.with_angle(name, value),
            )  # fmt: skip
    named = page.services.engine.head.expression_names
    least, most = (0.0, 1.0) if named else (-UNNAMED_LIMIT, UNNAMED_LIMIT)
    names = [name for name in page.services.engine.slots if "-" not in name]  # others are the head's own raw shapes
    for folder, beginnings in FOLDERS.items() if named else (("Components", ("",)),):
        with gui.add_folder(folder, expand_by_default=False):
            for name in (name for name in names if name.startswith(tuple(beginnings))):
                slider = gui.add_slider(name, least, most, 0.01, 0.0)
                bind(
                    slider, name, lambda state, name=name: state.weight(name),
                    lambda state, value, name=name: state.with_weight(name, value),
                )  # fmt: skip
    page.controls.on_click(gui.add_button("Neutral again"), lambda: page.replace("neutral", expression=(), angles=()))
