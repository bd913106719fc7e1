"""What a page keeps and is given: sessions, links, notes of persons."""

from pathlib import Path

from clipface.files import regular
from clipface.view.persons.store import Persons
from clipface.view.session.history import History
from clipface.view.session.session_file import from_link, to_link
from clipface.view.session.sessions import Session, read_session
from clipface.view.session.state import Edit, FaceState, ViewSettings

from .. import text_lies, tiny
from ..reader import Reader

KEY = "0" * 24
FACE = FaceState(
    seed=3, edits=(Edit("look:zombie", 0.8, "skin"),), sliders=(("older", 20.0),), expression=(("slot_1", 0.5),),
    angles=(("jaw_open", 5.0),),
)  # fmt: skip


def _session(path: Path) -> None:
    history = History()
    history.push(FACE, "a zombie", 0.0)
    path.write_bytes(Session(history, ViewSettings(others=(("", 4),)), "a zombie").content())


def _link(path: Path) -> None:
    path.write_text(to_link(FACE, ViewSettings()), encoding="ascii")


def _read_link(path: Path) -> object:
    try:
        return from_link(regular(path, "link").read_bytes().decode("latin1"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None  # an address has no name


def _persons(path: Path) -> None:
    persons = Persons(path, tiny.avatar(), False)
    persons.place(KEY)
    persons.add(KEY, "Anna", "visitor")


READERS = (
    Reader("sessions", "session.json", _session, read_session, text_lies.documents),
    Reader("links", "link.txt", _link, _read_link, text_lies.letters),
    Reader("notes of persons", "persons", _persons,
           lambda path: Persons(path, tiny.avatar(), False).seen_by("visitor"), None,
           ((".json", text_lies.documents),), lenient=True),
)  # fmt: skip
