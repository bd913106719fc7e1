"""The panels of how the face is looked at (before and after, light, camera), and of files to take away."""

from collections.abc import Callable
from typing import Any

from clipface.edit.regions import available_regions
from clipface.view import export
from clipface.view.screen import backdrop, lights
from clipface.view.screen.images import BrowserCamera
from clipface.view.server.start import CAMERA_POSITION, CAMERA_TARGET, FIELD_OF_VIEW
from clipface.view.session.state import COMPARISONS, SURFACES


def view_panel(page: Any) -> None:
    """Make the widgets of `ViewSettings` and the way back to the front, in the GUI context of a `Page`."""
    gui, controls, settings, camera = page.client.gui, page.controls, page.view, page.client.camera
    inputs = {
        "comparison": gui.add_dropdown("Show", COMPARISONS, initial_value=settings.comparison),
        "surface": gui.add_dropdown("Surface", SURFACES, initial_value=settings.surface),
        "light": gui.add_dropdown("Light", lights.NAMES, initial_value=settings.light),
        "light_strength": gui.add_slider("Light's strength", 0.0, 1.0, 0.05, settings.light_strength),
        "backdrop": gui.add_dropdown("Backdrop", backdrop.NAMES, initial_value=settings.backdrop),
    }
    if {"hair", "brows"} <= set(available_regions(page.services.engine.head)):
        hint = "In the brows' colour, painted on the scalp; files have it too"
        inputs["hair"] = gui.add_checkbox("Cropped hair", settings.hair, hint=hint)
    for name, widget in inputs.items():
        controls.show(
            widget, lambda name=name: getattr(page.view, name),
            lambda name=name, widget=widget: page.change_view(**{name: widget.value}),
        )  # fmt: skip

    def front() -> None:
        with page.client.atomic():
            camera.position, camera.look_at, camera.fov = CAMERA_POSITION, CAMERA_TARGET, FIELD_OF_VIEW

    controls.on_click(gui.add_button("From the front"), front)


def export_panel(page: Any) -> None:
    """Make a button for each format, in the GUI context of a `Page`."""
    client, engine = page.client, page.services.engine
    client.gui.add_markdown("The face as it is now, as a file. Metres, y up.")

    def button(label: str, hint: str, ending: str, content: Callable[[], bytes]) -> None:
        def send() -> None:
            client.send_file_download(export.file_name(page.state, ending), content(), save_immediately=True)

        page.controls.on_click(client.gui.add_button(label, hint=hint), send)

    morphs = "Skeleton, named expressions and the edit as morph targets, texture"
    button("GLB", morphs, "glb", lambda: export.glb(engine, page.state, page.view.hair))
    button("USDZ", "The same for Apple's devices", "usdz", lambda: export.usdz(engine, page.state, page.view.hair))
    mesh = "A zip file with the mesh, its material and its texture"
    button("OBJ", mesh, "obj.zip", lambda: export.obj(engine, page.state, page.view.hair))
    button("Codes", "Numbers for scripts/edit.py --latents", "npz", lambda: export.codes(engine, page.state))
    least, most = export.IMAGE_HEIGHTS
    height = client.gui.add_number("Height of the image", export.IMAGE_HEIGHT, min=least, max=most, step=1)
    transparent = client.gui.add_checkbox("Transparent", False, hint="Without backdrop and shadow")

    def png() -> bytes:
        camera = BrowserCamera.of(client.camera)
        return export.png(engine, page.state, page.view, camera, int(height.value), transparent.value)

    button("PNG", "The image in this window", "png", png)
