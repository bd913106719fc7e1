"""The panel of expressions: whole ones by name, joint angles, and each shape of the head."""

from typing import Any

from clipface.head.expressions import EXPRESSION_SLOTS, SIDES, has_arkit
from clipface.view.session.state import ANGLE_LIMITS, FaceState

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
UNPAIRED = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # directions, no sides


class ExpressionPanel:
    """Sliders of the face's expression and pose."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui, engine = page, page.client.gui, page.services.engine
        self._sides: list[tuple[Any, str]] = []  # sliders of one side, and their shapes
        named = engine.head.expression_names
        if has_arkit(named):
            for mood in (name for name in EXPRESSION_SLOTS if name != "neutral"):
                self._slider(mood.capitalize(), "moods", mood, 0.0, 1.0, 0.01)
        neutral = gui.add_button("Neutral again")
        page.controls.on_click(neutral, lambda: page.replace("neutral", expression=(), angles=(), moods=()))
        with gui.add_folder("Jaw, gaze, neck"):
            for name, limit in ANGLE_LIMITS.items():
                least = 0.0 if name == "jaw_open" else -limit
                self._slider(ANGLE_LABELS[name], "angles", name, least, limit, 0.5)
        least, most = (0.0, 1.0) if named else (-UNNAMED_LIMIT, UNNAMED_LIMIT)
        names = [name for name in engine.slots if "-" not in name]  # others are the head's own raw shapes
        if named:
            linked = gui.add_checkbox("Left and right together", page.session.linked)
            page.controls.show(linked, lambda: page.session.linked, lambda: self._link(linked.value))
        for folder, beginnings in FOLDERS.items() if named else (("Components", ("",)),):
            with gui.add_folder(folder, expand_by_default=False):
                for name in (name for name in names if name.startswith(tuple(beginnings))):
                    self._shape(name, names, least, most)
        self._link(page.session.linked)

    def _slider(self, label: str, field: str, name: str, least: float, most: float, step: float) -> None:
        self._page.controls.bind(
            self._page.client.gui.add_slider(label, least, most, step, 0.0), label,
            lambda state: state.value(field, name), lambda state, value: state.with_value(field, name, value),
        )  # fmt: skip

    def _shape(self, name: str, names: list[str], least: float, most: float) -> None:
        """A slider of one shape; of a pair's left side it moves both as long as they are linked."""
        slider = self._page.client.gui.add_slider(name, least, most, 0.01, 0.0)
        twin = _twin(name)
        if twin in names:
            self._sides.append((slider, name))

        def changed(state: FaceState, value: float) -> FaceState:
            state = state.with_weight(name, value)
            return state.with_weight(twin, value) if twin in names and self._page.session.linked else state

        self._page.controls.bind(slider, name, lambda state: state.value("expression", name), changed)

    def _link(self, linked: bool) -> None:
        self._page.session.linked = linked
        left, right = SIDES
        for slider, name in self._sides:
            if name.endswith(right):
                slider.visible = not linked
            else:
                slider.label = name.removesuffix(left) if linked else name
        self._page.controls.refresh()


def _twin(name: str) -> str:
    """The same shape of the other side; empty: there is none."""
    left, right = SIDES
    if name in UNPAIRED or not name.endswith(SIDES):
        return ""
    return name.removesuffix(left) + right if name.endswith(left) else name.removesuffix(right) + left
