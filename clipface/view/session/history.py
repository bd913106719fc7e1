"""The states that a face went through, to go back and forth in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from clipface.view.session.state import FaceState

MOST_ENTRIES = 200  # older ones are forgotten
GESTURE_SECONDS = 1.0  # changes of one control that follow each other faster are one entry


@dataclass
class Entry:
    """A state, and what led to it."""

    state: FaceState
    label: str
    time: float  # seconds of any clock


@dataclass
class History:
    """States in their order; one of them is current. After an undo, a new change replaces what was undone."""

    entries: list[Entry] = field(default_factory=lambda: [Entry(FaceState(), "start", float("-inf"))])
    position: int = 0

    @property
    def state(self) -> FaceState:
        """The current one."""
        return self.entries[self.position].state

    def push(self, state: FaceState, label: str, time: float) -> None:
        """Make a state the current one.

        Args:
            state: to add; one equal to the current changes nothing.
            label: what was changed, for instance "strength". Two changes with one label within `GESTURE_SECONDS` (a
                slider that is dragged) are one entry.
            time: seconds of any clock that does not go back.
        """
        current = self.entries[self.position]
        if state == current.state:
            return
        del self.entries[self.position + 1 :]
        if current.label == label and time - current.time < GESTURE_SECONDS and self.position > 0:
            self.entries.pop()
        self.entries = [*self.entries, Entry(state, label, time)][-MOST_ENTRIES:]
        self.position = len(self.entries) - 1

    def move(self, entries: int) -> FaceState:
        """Go so many entries on (redo), or back (undo, below 0), as far as there are any; return the state."""
        self.position = min(max(self.position + entries, 0), len(self.entries) - 1)
        return self.state

    def without(self, gone: Callable[[FaceState], bool]) -> None:
        """Forget states that no longer can be; the last one before them becomes the current one."""
        fits = [not gone(entry.state) for entry in self.entries]
        self.position = max(sum(fits[: self.position + 1]) - 1, 0)
        self.entries = [entry for entry, kept in zip(self.entries, fits, strict=True) if kept] or History().entries

    def labels(self, count: int) -> list[tuple[str, bool]]:
        """The last `count` entries up to what was undone: label, and whether it is the current one; newest first."""
        marked = [(entry.label, number == self.position) for number, entry in enumerate(self.entries)]
        return marked[::-1][:count]

    def copy(self) -> "History":
        """The same states for somebody else; entries are never changed in place."""
        return History(list(self.entries), self.position)
