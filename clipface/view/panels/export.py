"""The panel of files to take away."""

from typing import TYPE_CHECKING

from clipface.view import export
from clipface.view.images import BrowserCamera

if TYPE_CHECKING:
    from clipface.view.page import Page


class ExportPanel:
    """A button for each format."""

    def __init__(self, page: "Page") -> None:
        """Args: page: in whose GUI context the widgets are made."""
        self._page, gui, controls = page, page.client.gui, page.controls
        engine, camera = page.services.engine, lambda: BrowserCamera.of(page.client.camera)
        gui.add_markdown("The face as it is now, as a file. Metres, y up.")
        glb = gui.add_button("GLB", hint="Skeleton, named expressions and the edit as morph targets, texture")
        obj = gui.add_button("OBJ", hint="A zip file with the mesh, its material and its texture")
        png = gui.add_button("PNG", hint="The image in this window, 1024 pixels high")
        codes = gui.add_button("Codes", hint="Numbers for scripts/edit.py --latents")
        controls.on_click(glb, lambda: self._send("glb", export.glb(engine, page.state)))
        controls.on_click(obj, lambda: self._send("obj.zip", export.obj(engine, page.state)))
        controls.on_click(png, lambda: self._send("png", export.png(engine, page.state, page.view, camera())))
        controls.on_click(codes, lambda: self._send("npz", export.codes(engine, page.state)))

    def _send(self, ending: str, content: bytes) -> None:
        self._page.client.send_file_download(export.file_name(self._page.state, ending), content, save_immediately=True)
