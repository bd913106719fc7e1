"""The widgets of the webcam, which moves the head as long as a tab wants it to."""

from collections.abc import Callable
from typing import Any

from clipface.view.camera.webcam import Webcam
from clipface.view.screen.player import LivePlayer

HINT = "The head moves as you do, as in a mirror. Images are looked at on the machine that runs the page, and not kept"


class WebcamPanel:
    """Whether a camera moves the head of a tab."""

    def __init__(self, page: Any, started: Callable[[], None]) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made; started: called when it takes the head."""
        self._page, self._started, gui = page, started, page.client.gui
        self._webcam: Webcam | None = None
        refusal = page.services.cameras.refusal()
        self._box = gui.add_checkbox("Webcam", False, hint=HINT, visible=not refusal)
        self._words = gui.add_markdown(refusal, visible=bool(refusal))
        page.controls.show(self._box, lambda: self._webcam is not None, self._switch)

    def follow(self) -> None:
        """Show how it is getting on; called again and again."""
        webcam = self._webcam
        if webcam is None:
            return
        if webcam.running:
            words = webcam.words()
            if self._words.content != words:
                self._words.content = words
            return
        error = webcam.error()
        self.stop()
        if error:
            raise ValueError(error)

    def stop(self) -> None:
        """Release the camera, and leave the head as it was; nothing if it is off."""
        webcam, self._webcam = self._webcam, None
        if webcam is None:
            return
        webcam.stop()
        if not self._page.closed:
            self._page.play(None)
            self._box.value, self._words.visible = False, False

    def _switch(self) -> None:
        if not self._box.value:
            self.stop()
        elif self._webcam is None:
            page = self._page
            self._webcam = webcam = page.services.cameras.begin(page.services.workers)
            self._started()
            self._words.content, self._words.visible = webcam.words(), True
            page.play(LivePlayer(lambda: webcam.newest))
            if page.closed:  # meanwhile
                self.stop()
