"""Persons that were made in the page, one file each; on this machine alone."""

import json
import secrets
import threading
from collections import OrderedDict
from pathlib import Path

from clipface.documents import read_json
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes
from clipface.edit.persons.person import Person
from clipface.files import write_atomic
from clipface.settings import PERSON_SUFFIX

MOST_READ = 4  # in memory, of 13 MB each
OWNER_ONLY = 0o700  # of the folder
LONGEST_NAME = 40  # characters
REMEDY = "choose another face, or make the person again"


class Persons:
    """Persons by keys that nobody can guess. Safe to use from several threads.

    Attributes:
        folder: where they are.
        private: whether each belongs to one visitor alone, as others may come from other machines.
    """

    def __init__(self, folder: Path, avatar: Avatar, private: bool) -> None:
        """Nothing is read or made before it is needed."""
        self.folder, self.private, self._avatar = Path(folder), private, avatar
        self._read: OrderedDict[str, Codes] = OrderedDict()
        self._known: dict[str, dict] | None = None
        self._lock = threading.RLock()

    def place(self, key: str) -> Path:
        """Where a person's file is, or is to be; makes the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(OWNER_ONLY)
        return self.folder / f"{key}{PERSON_SUFFIX}"

    def new_key(self) -> str:
        """A key for another person."""
        return secrets.token_hex(12)

    def add(self, key: str, name: str, owner: str) -> None:
        """Make the person whose file is at `place(key)` known.

        Args:
            key: from `new_key`.
            name: for the eye.
            owner: the visitor who made it.
        """
        notes = {"name": " ".join(name.split())[:LONGEST_NAME] or "Somebody", "owner": owner}
        with self._lock:
            self._all()
            write_atomic(self.folder / f"{key}.json", json.dumps(notes))
            self._known[key] = notes

    def seen_by(self, visitor: str) -> list[tuple[str, str]]:
        """Keys and names of those that a visitor may see, the oldest first."""
        return [(key, notes["name"]) for key, notes in self._all().items() if self._may(notes, visitor)]

    def check(self, key: str, visitor: str) -> None:
        """Refuse what a visitor may not see.

        Raises:
            ValueError: if there is no such person, for this visitor.
        """
        if not isinstance(key, str) or not self._may(self._all().get(key, {}), visitor):
            raise ValueError(f"person: expected one of this page, got {key!r}, which is not there (any more); {REMEDY}")

    def codes(self, key: str) -> Codes:
        """A person's face; raises ValueError if there is none, or the file is damaged."""
        with self._lock:
            if key not in self._read:
                if not _is_key(key):
                    raise ValueError(f"person: expected one of this page, got {key!r}; {REMEDY}")
                try:
                    person = Person.load(self.folder / f"{key}{PERSON_SUFFIX}", self._avatar)
                except FileNotFoundError:
                    raise ValueError(f"person: this one is no longer there; {REMEDY}") from None
                self._read[key] = person.codes(self._avatar)
                while len(self._read) > MOST_READ:
                    self._read.popitem(last=False)
            self._read.move_to_end(key)
            return self._read[key]

    def delete(self, key: str, visitor: str) -> None:
        """Remove all that is kept of a person; errors as of `check`."""
        self.check(key, visitor)
        with self._lock:
            self._read.pop(key, None)
            self._known.pop(key, None)
            for file in (self.folder / f"{key}.json", self.folder / f"{key}{PERSON_SUFFIX}"):
                file.unlink(missing_ok=True)

    def _all(self) -> dict[str, dict]:
        """Notes of all persons by their keys, read once: a page asks whenever it changes."""
        with self._lock:
            if self._known is None:
                files = sorted(self.folder.glob("*.json"), key=lambda file: (file.stat().st_mtime, file.name))
                found = {file.stem: self._notes(file) for file in files if _is_key(file.stem)}
                self._known = {key: notes for key, notes in found.items() if notes}
            return dict(self._known)

    def _notes(self, file: Path) -> dict:
        try:
            notes = read_json(file, "person")
        except (OSError, ValueError):
            return {}
        return notes if all(isinstance(notes.get(name), str) for name in ("name", "owner")) else {}

    def _may(self, notes: dict, visitor: str) -> bool:
        return bool(notes) and (not self.private or notes["owner"] == visitor)


def _is_key(key: object) -> bool:
    return isinstance(key, str) and len(key) == 24 and set(key) <= set("0123456789abcdef")
