"""The panel of own photographs: upload them, have a face made of them, see both, and delete the face again."""

import tempfile
from typing import Any

import numpy as np

from clipface.images import PhotographError, read_photograph
from clipface.view.engine import SMALL
from clipface.view.persons.fitting import MOST_PHOTOS, Fitting, check_photos
from clipface.view.session.state import FaceState

NOBODY = "nobody"
TYPICAL_SECONDS = 30.0  # of one photograph on two cores
PROMISE = (
    "Photographs of one person, from several sides if you have them. They stay on the machine that runs this page, and "
    "are removed when the face is made. Ask whoever is shown."
)


class PersonsPanel:
    """Photographs that were given, the fit at work, and the persons there are."""

    def __init__(self, page: Any) -> None:
        """Args: page: the `Page` in whose GUI context the widgets are made."""
        self._page, gui, controls = page, page.client.gui, page.controls
        self._photos: list[tuple[str, bytes]] = []
        self._fitting: Fitting | None = None
        self._shown: np.ndarray | None = None  # the first photograph, small
        with gui.add_folder("Own photographs", expand_by_default=False):
            self._words = gui.add_markdown(PROMISE)
            upload = gui.add_upload_button("Add a photograph", mime_type="image/*")
            self._make = gui.add_button("Make the face", visible=False)
            self._bar = gui.add_progress_bar(0.0, visible=False)
            self._cancel = gui.add_button("Cancel the fit", visible=False, color="red")
            self._both = gui.add_image(np.full((8, 16, 3), 255, np.uint8), visible=False, jpeg_quality=90)
            self._who = gui.add_dropdown("Person", (NOBODY,), visible=False)
            self._delete = gui.add_button("Delete this person", visible=False, color="red")
        upload.on_upload(lambda _: page.guarded(lambda: self._add(upload.value)))
        controls.on_click(self._make, self._start)
        controls.on_click(self._cancel, self._end)
        controls.show(self._who, self._current, self._choose)
        controls.on_click(self._delete, self._forget)
        self.show()

    def show(self) -> None:
        """Show the persons that this tab may see."""
        names = (NOBODY, *self._labels())
        if self._who.options != names:
            self._who.options = names
        self._who.visible = len(names) > 1
        self._delete.visible = bool(self._page.state.person)

    def follow(self) -> None:
        """Show how a fit is getting on; called again and again."""
        fitting = self._fitting
        if fitting is None:
            return
        if fitting.running:
            share, words = fitting.progress(TYPICAL_SECONDS)
            self._bar.value, self._words.content = 100 * share, f"{words.capitalize()} …"
            return
        self._end()
        if fitting.error():
            self._words.content = "No face was made."
            raise ValueError(fitting.error())
        if fitting.finished:
            self._finish(fitting)

    def close(self) -> None:
        """Cancel a fit that nobody waits for."""
        if self._fitting is not None:
            self._fitting.cancel()

    def _labels(self) -> dict[str, str]:
        """Keys by what they are called in the list; of equal names each has a number."""
        found: dict[str, str] = {}
        for key, name in self._page.persons_shown():
            same = sum(label == name or label.startswith(f"{name} (") for label in found)
            found[f"{name} ({same + 1})" if same else name] = key
        return found

    def _current(self) -> str:
        return next((label for label, key in self._labels().items() if key == self._page.state.person), NOBODY)

    def _choose(self) -> None:
        labels = self._labels()
        if self._who.value not in (NOBODY, *labels):
            raise ValueError(f"person: expected one of {', '.join(labels)}, got {self._who.value!r}")
        self._page.replace("person", person=labels.get(self._who.value, ""))

    def _add(self, file: Any) -> None:
        photos = [*self._photos, (str(file.name), bytes(file.content))]
        check_photos(photos)
        try:
            small = _small(file.content)
        except PhotographError as error:
            raise ValueError(f"photograph: {file.name}: {error}") from error
        self._shown = small if self._shown is None else self._shown
        self._photos, self._make.visible = photos, True
        self._words.content = f"{len(photos)} of at most {MOST_PHOTOS} photographs: {photos[-1][0]}"
        self._both.image, self._both.visible = self._shown, True

    def _start(self) -> None:
        self._fitting = self._page.services.fitting.start(self._photos)
        self._make.visible, self._bar.visible, self._cancel.visible = False, True, True

    def _end(self) -> None:
        fitting, self._fitting = self._fitting, None
        if fitting is not None and fitting.running:
            fitting.cancel()
            self._words.content = "Cancelled; nothing was kept."
        self._bar.visible = self._cancel.visible = False
        self._make.visible = bool(self._photos)

    def _finish(self, fitting: Fitting) -> None:
        page = self._page
        name = self._photos[0][0].rpartition(".")[0]
        page.services.persons.add(fitting.key, name, page.session.name)
        result = page.services.engine.small(FaceState(person=fitting.key))
        self._both.image = np.concatenate([self._shown, result], 1)
        self._photos, self._shown, self._make.visible = [], None, False
        self._words.content = "The photograph, and the face that was made of it."
        page.replace("person", person=fitting.key)

    def _forget(self) -> None:
        page, key = self._page, self._page.state.person
        if not key:
            return
        page.services.persons.delete(key, page.session.name)
        page.session.history.without(lambda state: state.person == key)
        page.session.view = page.session.view.without_person(key)
        self._both.visible = False
        self._words.content = PROMISE
        page.refresh()


def _small(content: bytes) -> np.ndarray:
    """A photograph as a small square; raises PhotographError if it cannot be read."""
    with tempfile.NamedTemporaryFile() as file:  # for its owner alone
        file.write(content)
        file.flush()
        image = read_photograph(file.name).image
    side = min(image.size)
    left, top = (image.size[0] - side) // 2, (image.size[1] - side) // 3
    return np.asarray(image.crop((left, top, left + side, top + side)).resize((SMALL, SMALL)))
