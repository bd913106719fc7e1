"""The panel of how the face is looked at: before and after, light, camera."""

from typing import TYPE_CHECKING

from clipface.view import lights
from clipface.view.server.start import CAMERA_POSITION, CAMERA_TARGET, FIELD_OF_VIEW
from clipface.view.state import COMPARISONS

if TYPE_CHECKING:
    from clipface.view.page import Page


class ViewPanel:
    """Widgets of `ViewSettings`, and the way back to the front."""

    def __init__(self, page: "Page") -> None:
        """Args: page: in whose GUI context the widgets are made."""
        self._page, gui, controls, settings = page, page.client.gui, page.controls, page.view
        comparison = gui.add_dropdown("Show", COMPARISONS, initial_value=settings.comparison)
        light = gui.add_dropdown("Light", lights.NAMES, initial_value=settings.light)
        strength = gui.add_slider("Light's strength", 0.0, 1.0, 0.05, settings.light_strength)
        geometry = gui.add_checkbox("Geometry only", settings.geometry, hint="Grey, without texture and light")
        controls.on_user(geometry, lambda: page.change_view(geometry=geometry.value))
        controls.on_user(comparison, lambda: page.change_view(comparison=comparison.value))
        controls.on_user(light, lambda: page.change_view(light=light.value))
        controls.on_user(strength, lambda: page.change_view(light_strength=strength.value))
        controls.on_click(gui.add_button("From the front"), self._front)

    def _front(self) -> None:
        camera = self._page.client.camera
        with self._page.client.atomic():
            camera.position, camera.look_at, camera.fov = CAMERA_POSITION, CAMERA_TARGET, FIELD_OF_VIEW
