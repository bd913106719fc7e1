"""The panel of keeping: the session as a file and back, a link, and files of every face in the gallery."""

from typing import Any

from clipface.view import export
from clipface.view.screen.gallery import Grid, on_page
from clipface.view.session.session_file import to_link

SESSION_FILE = "face.clipface.json"


def keep_panel(page: Any) -> None:
    """Make its widgets, in the GUI context of a `Page`."""
    client, gui, controls = page.client, page.client.gui, page.controls
    with gui.add_folder("Keep and share"):
        save = gui.add_button("Save the session", hint="This face and all that was done, as a file")
        opened = gui.add_upload_button("Open a session", mime_type="application/json")
        link = gui.add_button("Make a link", hint="It holds this face and its edits; persons stay where they are")
        shown = gui.add_markdown("")
        every = gui.add_button("GLB of every face in the gallery", hint="Of the page that is laid out, as a zip file")
        bar = gui.add_progress_bar(0.0, visible=False)

    def make_link() -> None:
        address = f"{page.services.entrance}{'&' if '?' in page.services.entrance else '?'}state="
        shown.content = f"[This face, as it is now]({address}{to_link(page.state, page.view)})"

    def send_every() -> None:
        if page.gallery is None:
            raise ValueError("gallery: expected an open one, got none; press “Choose a face …” or “Choose a look …”")
        gallery = page.gallery.gallery(page.state)
        tiles, hair, bar.visible = on_page(gallery, Grid.of(page.images.camera.size)), page.view.hair, True
        try:
            content = export.every(page.services.engine, tiles, hair, lambda share: setattr(bar, "value", 100 * share))
        finally:
            bar.visible = False
        client.send_file_download("faces.zip", content, save_immediately=True)

    controls.on_click(
        save, lambda: client.send_file_download(SESSION_FILE, page.session.content(), save_immediately=True)
    )
    opened.on_upload(lambda _: page.guarded(lambda: page.open_session(bytes(opened.value.content))))
    controls.on_click(link, make_link)
    controls.on_click(every, send_every)
