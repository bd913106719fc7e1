"""One person's photographs on their way to a face: a child process, and what it says."""

from collections.abc import Sequence

from clipface.view.child import Child, Children
from clipface.view.persons.store import Persons

MOST_PHOTOS = 8
MOST_BYTES = 40 << 20  # of a photograph's file


class Fitting(Child):
    """One person's photographs, being fitted.

    Attributes:
        key: of the person to be.
    """

    def __init__(self, photos: Sequence[tuple[str, bytes]], persons: Persons, options: Sequence[str]) -> None:
        """Start the child process.

        Args:
            photos: names and contents of one person's files.
            persons: where the person goes.
            options: more of `clipface.view.persons.fit`.

        Raises:
            ValueError: for too many or too large files, or none.
        """
        check_photos(photos)
        self.key = persons.new_key()
        super().__init__("clipface.view.persons.fit", photos, persons.place(self.key), options)


class FittingJobs:
    """Begins with photographs, one person at a time."""

    def __init__(self, children: Children, persons: Persons, options: Sequence[str] = ()) -> None:
        """Args: children: of all tabs; persons: where results go; options: of `clipface.view.persons.fit`."""
        self._children, self._persons, self._options = children, persons, tuple(options)

    def start(self, photos: Sequence[tuple[str, bytes]]) -> Fitting:
        """Begin with somebody's photographs; raises ValueError if these cannot be, or another child is at work."""
        return self._children.begin(lambda: Fitting(photos, self._persons, self._options))


def check_photos(photos: Sequence[tuple[str, bytes]]) -> None:
    """Refuse no, too many, or too large photographs."""
    if not 1 <= len(photos) <= MOST_PHOTOS:
        raise ValueError(f"photographs: expected 1 to {MOST_PHOTOS} of one person, got {len(photos)}")
    for _, content in photos:
        if not 0 < len(content) <= MOST_BYTES:
            raise ValueError(f"photographs: expected files of up to {MOST_BYTES >> 20} MB, got {len(content)} bytes")
