"""The panel of prompts: apply trained ones, train new ones, strength, region, history."""

import time
from dataclasses import replace
from threading import Thread
from typing import Any

from clipface.edit.regions import available_regions
from clipface.guidance.text_check import check_text
from clipface.view.state import MOST_STRENGTH, Edit, FaceState
from clipface.view.training import Training

CHOOSE, EVERYWHERE = "choose …", "whole face"
TRAINED = "✓ "  # before prompts that can be applied at once
ENTRIES_SHOWN = 12
AT_REST = 0.4  # seconds without a change


class EditPanel:
    """Widgets of edits; the page's state holds what they mean."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui = page, page.client.gui
        session, controls = page.session, page.controls
        self._ended: Training | None = None  # whose end was shown
        self._version = 0
        self._known = gui.add_dropdown("Known prompts", self._choices(), hint="✓: trained, applied at once")
        with gui.add_form(None) as form:
            self._prompt = gui.add_text("Prompt", session.prompt, hint="Any words: applied when Enter is pressed")
        self._status = gui.add_markdown("Type what the face should become.")
        hint = "Goes further than words at once; about two minutes on two cores, in the background"
        self._train = gui.add_button("Train this prompt", hint=hint)
        self._bar = gui.add_progress_bar(0.0, visible=False)
        self._bar_text = gui.add_markdown("", visible=False)
        self._stop = gui.add_button("Stop and keep", visible=False, hint="Ends after the present step")
        self._cancel = gui.add_button("Cancel training", visible=False, color="red")
        strength = gui.add_slider(
            "Strength", -MOST_STRENGTH, MOST_STRENGTH, 0.05, 1.0, hint="Of the last edit; below 0: the opposite"
        )
        regions = (EVERYWHERE, *available_regions(page.services.engine.head))
        region = gui.add_dropdown("Region", regions, hint="Keeps the last edit's texture, and a training, to a part")
        self._another = gui.add_button("Keep and edit on", color="gray", hint="The next prompt edits what is there now")
        self._remove = gui.add_button("Remove all edits", color="gray")
        with gui.add_folder("What was done", expand_by_default=False):
            self._history = gui.add_markdown("")
        controls.bind(strength, "strength", _strength, _with_strength)
        controls.bind(region, "region", self._region, self._with_region)
        form.on_submit(lambda _: Thread(target=self._enter, daemon=True).start())
        controls.on_user(self._known, self._chosen)
        controls.on_click(self._train, self._start)
        controls.on_click(self._stop, self._stop_training)
        controls.on_click(self._cancel, lambda: page.services.training.current.cancel())
        controls.on_click(self._another, self._edit_on)
        controls.on_click(self._remove, lambda: page.replace("edits removed", edits=()))

    def show_history(self) -> None:
        """Write the history's last entries."""
        lines = self._page.session.history.labels(ENTRIES_SHOWN)
        self._history.content = "\n".join(f"- {'**' + label + '**' if now else label}" for label, now in lines)

    def follow_training(self) -> None:
        """Show how the training is getting on; called again and again."""
        training = self._page.services.training.update()
        if training is None:
            return
        mine = self._page.services.training.owner is self._page.session
        running = training.running
        for widget in (self._bar, self._bar_text):
            widget.visible = running
        self._stop.visible = self._cancel.visible = running and mine
        self._train.disabled = running
        if running:
            step, steps = training.progress()
            self._bar.value = 100.0 * step / steps if steps else 0.0
            whose = "" if mine else " (another tab's)"
            if mine and training.warning():
                self._status.content = f"*{training.prompt}*: {training.warning()}"
            self._bar_text.content = f"*{training.prompt}*{whose}: " + (f"step {step}/{steps}" if steps else "loading")
        elif self._ended is not training:
            self._ended = training
            self._end(training, mine)
        if mine:
            self._preview(training)

    def _choices(self) -> tuple[str, ...]:
        services = self._page.services
        trained = dict.fromkeys(TRAINED + run.nickname for run in services.engine.library.runs())
        names = {name.removeprefix(TRAINED) for name in trained}
        return (CHOOSE, *trained, *(name for name in services.prompts if name not in names))

    def _chosen(self) -> None:
        if self._known.value != CHOOSE:
            name = self._known.value.removeprefix(TRAINED)
            self._prompt.value = self._page.services.prompts.get(name, name)
            self._typed(name)

    def _enter(self) -> None:
        """Apply what is typed, once all of it has come: viser sends Enter at once, and holds letters back."""
        words = None
        while words != self._prompt.value:
            words = self._prompt.value
            time.sleep(AT_REST)
        self._page.guarded(self._typed)

    def _typed(self, name: str | None = None) -> None:
        page, words = self._page, self._prompt.value
        page.session.prompt = words
        library = page.services.engine.library
        run = library.find(name or words, page.session.region)
        if run is not None:
            self._status.content = f"*{run.nickname}*: applied."
            self._apply(run.name, run.nickname)
        elif not words.strip():
            self._status.content = ""
        elif library.reader is None:
            self._status.content = f"*{words}* is not trained yet: press Train."
        else:
            remarks = check_text(words, library.reader)  # raises with what can be said instead
            self._status.content = " ".join([f"*{words}*: applied at once; training goes further.", *remarks])
            run = library.by_words(" ".join(words.split()))
            self._apply(run.name, run.nickname)

    def _apply(self, mapper: str, label: str) -> None:
        page = self._page
        strength = 1.0 if page.session.add_next else _strength(page.state) or 1.0
        edit = Edit(mapper, strength, page.session.region)
        kept = page.state.edits if page.session.add_next else page.state.edits[:-1]
        page.session.add_next = False
        page.replace(label, edits=(*kept, edit))

    def _edit_on(self) -> None:
        self._page.session.add_next = bool(self._page.state.edits)
        self._status.content = "The next prompt edits what is there now."

    def _region(self, state: FaceState) -> str:
        region = state.edits[-1].region if state.edits else self._page.session.region
        return region or EVERYWHERE

    def _with_region(self, state: FaceState, value: str) -> FaceState:
        region = self._page.session.region = None if value == EVERYWHERE else value
        return state.with_last_edit(replace(state.edits[-1], region=region)) if state.edits else state

    def _start(self) -> None:
        page = self._page
        training = page.services.training.start(self._prompt.value, page.session.region, page.session)
        self._status.content = f"*{training.prompt}* is in training; the page can be used meanwhile."

    def _stop_training(self) -> None:
        self._page.services.training.current.stop()
        self._status.content = "Stopping after the present step; the results are still written."

    def _preview(self, training: Training) -> None:
        page, version = self._page, self._page.services.engine.library.version(training.name)
        if training.cancelled:
            if any(edit.mapper == training.name for edit in page.state.edits):
                page.session.history.without_mapper(training.name)
                page.refresh()
        elif (version > 0 or training.finished) and not training.shown:
            training.shown = True
            self._apply(training.name, training.prompt)
        elif version != self._version:
            self._version = version
            page.show()

    def _end(self, training: Training, mine: bool) -> None:
        self._known.options = self._choices()
        if not mine:
            return
        if training.cancelled:
            self._status.content = f"*{training.prompt}*: cancelled, nothing was kept."
        elif training.error():
            self._status.content = f"*{training.prompt}*: failed."
            raise ValueError(training.error())
        else:
            step, steps = training.progress()
            until = f", stopped at step {step} of {steps}" if training.stopped else ""
            trained = f"trained in {training.seconds:.0f} s{until}, applied"
            self._status.content = f"*{training.prompt}*: {trained}. {training.warning()}"


def _strength(state: FaceState) -> float:
    return state.edits[-1].strength if state.edits else 1.0


def _with_strength(state: FaceState, value: float) -> FaceState:
    return state.with_last_edit(replace(state.edits[-1], strength=value)) if state.edits else state
