"""The panel of prompts: words applied at once, new ones trained, layers, history."""

import time
from typing import Any

from clipface.edit.regions import available_regions
from clipface.guidance.text_check import check_text
from clipface.settings import named_guidance
from clipface.view.edits.training import Training, checked_prompt
from clipface.view.panels.layers import EVERYWHERE, LayersPanel
from clipface.view.panels.looks import LooksPanel
from clipface.view.session.state import Edit, FaceState

ENTRIES_SHOWN = 12
AT_REST = 0.4  # seconds without a change
WELCOME = "Type what the face should become, or choose a look. Drag the head to turn it."


class EditPanel:
    """Widgets of edits; the page's state holds what they mean."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui = page, page.client.gui
        session, controls = page.session, page.controls
        self._ended: Training | None = None  # whose end was shown
        self._version = 0
        self._sure: str | None = None  # words whose training was asked for though some are not known
        self._about: FaceState | None = None  # the face that the status speaks of; None: whatever it is
        with gui.add_form(None) as form:
            self._prompt = gui.add_text("Prompt", session.prompt, hint="Any words: applied when Enter is pressed")
        self._status = gui.add_markdown(WELCOME)
        self.looks = LooksPanel(page)
        as_layer = gui.add_checkbox(
            "Keep and edit on", session.as_layer, hint="The next edit is a layer of its own; else it replaces the last"
        )
        regions = (EVERYWHERE, *available_regions(page.services.engine.head))
        region = gui.add_dropdown(
            "Next edit on", regions, initial_value=session.region or EVERYWHERE,
            hint="Keeps the next edit, and a training, to a part of the face",
        )  # fmt: skip
        self.layers = LayersPanel(page)
        hint = "Goes further than words at once; about two minutes on two cores, in the background"
        self._train = gui.add_button("Train this prompt", hint=hint)
        self._bar = gui.add_progress_bar(0.0, visible=False)
        self._bar_text = gui.add_markdown("", visible=False)
        self._stop = gui.add_button("Stop and keep", visible=False, hint="Ends after the present step")
        self._cancel = gui.add_button("Cancel training", visible=False, color="red")
        with gui.add_folder("What was done", expand_by_default=False):
            self._history = gui.add_markdown("")
        form.on_submit(lambda _: page.services.workers.start(self._enter, "words of a tab"))
        controls.show(
            as_layer, lambda: session.as_layer, lambda: setattr(session, "as_layer", as_layer.value)
        )  # fmt: skip
        controls.show(
            region, lambda: session.region or EVERYWHERE,
            lambda: setattr(session, "region", _region(region.value, regions)),
        )  # fmt: skip
        controls.on_click(self._train, self._start)
        controls.on_click(self._stop, self._stop_training)
        controls.on_click(self._cancel, lambda: page.services.training.own(session).cancel())

    def show(self, state: FaceState) -> None:
        """Show the layers and the history's last entries; what was said of another face is no longer true."""
        self.layers.show(state)
        if self._about not in (None, state):
            self._say("")
        lines = self._page.session.history.labels(ENTRIES_SHOWN)
        self._history.content = "\n".join(f"- {'**' + label + '**' if now else label}" for label, now in lines)

    def apply(self, mapper: str, label: str) -> None:
        """Make an edit by a mapper the last layer: one more, or in place of the last one."""
        page, session = self._page, self._page.session
        before = page.state.edits if session.as_layer else page.state.edits[:-1]
        strength = page.state.edits[-1].strength if page.state.edits and not session.as_layer else 1.0
        page.replace(label, edits=(*before, Edit(mapper, strength or 1.0, session.region)))
        self._say(f"*{label}*: applied.", page.state)

    def _say(self, words: str, about: FaceState | None = None) -> None:
        self._status.content, self._about = words, about

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
                self._say(f"*{training.prompt}*: {training.warning()}")
            self._bar_text.content = f"*{training.prompt}*{whose}: " + (f"step {step}/{steps}" if steps else "loading")
        elif self._ended is not training:
            self._ended = training
            self._end(training, mine)
        if mine:
            self._preview(training)

    def _enter(self) -> None:
        """Apply what is typed, once all of it has come: viser sends Enter at once, and holds letters back."""
        words = None
        while words != self._prompt.value:
            words = self._prompt.value
            time.sleep(AT_REST)
        self._page.guarded(self._typed)

    def _typed(self) -> None:
        page, words = self._page, self._prompt.value
        page.session.prompt = words
        library = page.services.engine.library
        run = library.find(words, page.session.region)
        if run is not None:
            self.apply(run.name, run.nickname)
        elif not words.strip():
            self._say("")
        elif library.reader is None:
            self._say(f"*{words}* is not trained yet: press Train.")
        else:
            remarks = check_text(words, library.reader)  # raises with what can be said instead
            run = library.by_words(" ".join(words.split()))
            self._say(f"*{words}*: reading the words …")
            page.services.engine.library.mapper(run.name)  # the first time the encoder is loaded
            self.apply(run.name, run.nickname)
            self._say(" ".join([f"*{words}*: applied at once; training goes further.", *remarks]), page.state)

    def _start(self) -> None:
        page, words = self._page, checked_prompt(self._prompt.value)
        remarks = check_text(words, named_guidance("face"))
        if remarks and self._sure != words:
            self._sure = words
            self._say(" ".join([*remarks, "Press Train again to train it all the same."]))
            return
        training = page.services.training.start(words, page.session.region, page.session)
        self._say(f"*{training.prompt}* is in training; the page can be used meanwhile.")

    def _stop_training(self) -> None:
        self._page.services.training.own(self._page.session).stop()
        self._say("Stopping after the present step; the results are still written.")

    def _preview(self, training: Training) -> None:
        page, version = self._page, self._page.services.engine.library.version(training.name)
        if training.cancelled:
            if any(edit.mapper == training.name for edit in page.state.edits):
                page.session.history.without(lambda state: training.name in [edit.mapper for edit in state.edits])
                page.refresh()
        elif (version > 0 or training.finished) and not training.shown:
            training.shown = True
            self.apply(training.name, training.prompt)
        elif version != self._version:
            self._version = version
            page.show()

    def _end(self, training: Training, mine: bool) -> None:
        self.looks.read_again()
        if not mine:
            return
        if training.cancelled:
            self._say(f"*{training.prompt}*: cancelled, nothing was kept.")
        elif training.error():
            self._say(f"*{training.prompt}*: failed.")
            raise ValueError(training.error())
        else:
            step, steps = training.progress()
            until = f", stopped at step {step} of {steps}" if training.stopped else ""
            trained = f"trained in {training.seconds:.0f} s{until}, applied"
            self._say(f"*{training.prompt}*: {trained}. {training.warning()}", self._page.state)


def _region(value: str, known: tuple[str, ...]) -> str | None:
    if value not in known:
        raise ValueError(f"region: expected one of {', '.join(known)}, got {value!r}")
    return None if value == EVERYWHERE else value
