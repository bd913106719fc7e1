"""The panel of motion: play one on the head, go round it, and record what is seen."""

from typing import Any

from clipface.animation.load import SHIPPED
from clipface.animation.motion import Motion
from clipface.view.motions import NONE, SIZES, VideoMotion, is_video, motion_of, read_capture, record
from clipface.view.panels.webcam import WebcamPanel
from clipface.view.screen.images import BrowserCamera
from clipface.view.screen.player import Player

PLAY, STOP = "Play", "Stop"
RECORD, CANCEL = "Record MP4", "Cancel the recording"
MOST_CAPTURES = 5
TYPICAL_SECONDS = 40.0  # of a video of some seconds on two cores


class MotionPanel:
    """What moves in a tab; it plays until it is stopped."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui, controls = page, page.client.gui, page.controls
        self._captures: dict[str, Motion] = {}
        self._video: VideoMotion | None = None  # that is being read
        self._recording = False
        self._motion = gui.add_dropdown("Motion", (NONE, *SHIPPED))
        self._turntable = gui.add_checkbox("Turntable", False, hint="The camera goes round the head")
        self._play = gui.add_button(PLAY)
        self.webcam = WebcamPanel(page, lambda: setattr(self._play, "label", PLAY))
        hint = "Keyframes .yaml, ARKit .csv, FLAME frames .npz, or a video of one face, which is followed here"
        self._upload = gui.add_upload_button("Add a capture or video", hint=hint)
        self._read = gui.add_markdown("", visible=False)
        self._reading = gui.add_progress_bar(0.0, visible=False)
        self._leave = gui.add_button("Leave the video", visible=False, color="red")
        self._height = gui.add_number("Height of the video", 512, min=SIZES[0], max=SIZES[1], step=2)
        self._record = gui.add_button(RECORD, hint="The motion once, or once around the head")
        self._bar = gui.add_progress_bar(0.0, visible=False)
        controls.on_user(self._motion, self._again)
        controls.on_user(self._turntable, self._again)
        controls.on_click(self._play, self._toggle)
        controls.on_click(self._record, self._write)
        controls.on_click(self._leave, self._cancel)
        self._upload.on_upload(lambda _: page.guarded(lambda: self._add(self._upload.value)))

    def _player(self) -> Player:
        motion = motion_of(self._motion.value, self._page.services.engine.head, self._captures)
        if motion is not None:
            motion = motion.to(self._page.services.engine.head.v_template.device)
        return Player(motion, self._turntable.value)

    def _toggle(self) -> None:
        self.webcam.stop()
        self._page.play(None if self._page.player else self._player())
        self._play.label = STOP if self._page.player else PLAY

    def _again(self) -> None:
        """Go on with another choice, if something plays."""
        if self._page.player:
            self.webcam.stop()
            moving = self._motion.value != NONE or self._turntable.value
            self._page.play(self._player() if moving else None)
            self._play.label = STOP if moving else PLAY

    def _add(self, file: Any) -> None:
        if len(self._captures) >= MOST_CAPTURES:
            raise ValueError(f"capture: expected at most {MOST_CAPTURES} in one tab, got another; open a new tab")
        name, content, services = str(file.name), bytes(file.content), self._page.services
        if not is_video(name):
            self._take(name, read_capture(name, content, services.engine.head))
            return
        self._video = services.children.begin(lambda: VideoMotion(name, content, services.head))
        self._show_reading(True)

    def follow(self) -> None:
        """Show how the reading of a video, and the webcam, are getting on; called again and again."""
        self.webcam.follow()
        video = self._video
        if video is None:
            return
        if video.running:
            share, words = video.progress(TYPICAL_SECONDS)
            self._reading.value, self._read.content = 100 * share, f"{video.name}: {words} …"
            return
        self._video = None
        self._show_reading(False)
        if video.error():
            raise ValueError(f"{video.name}: {video.error()}")
        if video.finished:
            self._take(video.name, video.motion(self._page.services.engine.head))

    def close(self) -> None:
        """End what nobody waits for any longer: the reading of a video, and the webcam."""
        self.webcam.stop()
        self._cancel()

    def _cancel(self) -> None:
        if self._video is not None:
            self._video.cancel()

    def _show_reading(self, shown: bool) -> None:
        for widget in (self._read, self._reading, self._leave):
            widget.visible = shown

    def _take(self, name: str, motion: Motion) -> None:
        self._captures[name] = motion
        self._motion.options = (NONE, *SHIPPED, *(name for name in self._captures if name not in SHIPPED))
        self._motion.value = name
        self._again()

    def _write(self) -> None:
        page = self._page
        if self._recording:
            self._recording = False
            return
        player = self._player()
        self._recording, self._record.label, self._bar.visible = True, CANCEL, True
        try:
            camera = BrowserCamera.of(page.client.camera)
            content = record(
                page.services.engine, page.state, page.view, camera, player, int(self._height.value), self._progress
            )
        finally:
            self._recording, self._record.label, self._bar.visible = False, RECORD, False
        if content is not None:
            page.client.send_file_download("motion.mp4", content, save_immediately=True)

    def _progress(self, share: float) -> bool:
        if abs(100 * share - self._bar.value) >= 1:
            self._bar.value = 100 * share
        return self._recording and not self._page.closed
