"""The panel of files to take away."""

from typing import TYPE_CHECKING

from clipface.view import export

if TYPE_CHECKING:
    from clipface.view.page import Page


class ExportPanel:
    """A button for each format."""

    def __init__(self, page: "Page") -> None:
        """Args: page: in whose GUI context the widgets are made."""
        self._page, gui, controls = page, page.client.gui, page.controls
        engine = page.services.engine
        gui.add_markdown("The face as it is now, as a file. Metres, y up.")
        glb = gui.add_button("GLB", hint="Skeleton, named expressions and the edit as morph targets, texture")
        obj = gui.add_button("OBJ", hint="A zip file with the mesh, its material and its texture")
        png = gui.add_button("PNG", hint="The image in this window, drawn by the renderer")
        codes = gui.add_button("Codes", hint="Numbers for scripts/edit.py --latents")
        controls.on_click(glb, lambda: self._send("glb", export.glb(engine, page.state)))
        controls.on_click(obj, lambda: self._send("obj.zip", export.obj(engine, page.state)))
        controls.on_click(png, lambda: self._send("png", self._png()))
        controls.on_click(codes, lambda: self._send("npz", export.codes(engine, page.state)))

    def _send(self, ending: str, content: bytes) -> None:
        self._page.client.send_file_download(export.file_name(self._page.state, ending), content, save_immediately=True)

    def _png(self) -> bytes:
        page, camera = self._page, self._page.client.camera
        aspect = camera.image_width / camera.image_height
        heads = 2 if page.view.comparison == "side by side" else 1
        size = export.PICTURE_HEIGHT, max(round(export.PICTURE_HEIGHT * aspect / heads), 1)
        drawn_by = export.camera_of(camera.position, camera.look_at, camera.up_direction, camera.fov, size[1] / size[0])
        return export.png(page.services.engine, page.state, page.view, drawn_by, size)
