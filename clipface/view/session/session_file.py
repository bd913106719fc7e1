"""What a tab holds as JSON: to keep it over a restart, to take it away as a file, and, shorter, in a link."""

import base64
import dataclasses
import json
import zlib
from collections.abc import Callable
from typing import Any

from clipface.documents import parse_json
from clipface.view.session.history import MOST_ENTRIES, Entry, History
from clipface.view.session.state import Edit, FaceState, ViewSettings

FORMAT, VERSION = "clipface session", 1
MOST_BYTES = 2 << 20  # of a file; a session of 200 entries takes some 100 kB
MOST_LINK, MOST_LINKED = 8_000, 64 << 10  # characters of a link's state, and bytes that they may become
MOST_PAIRS = 400  # in one field of a state
PAIRS = ("sliders", "expression", "moods", "form", "angles")
REMEDY = "open one that this page has saved"


def to_json(history: History, view: ViewSettings, **fields: object) -> bytes:
    """Write a session.

    Args:
        history: its states.
        view: how its face is looked at.
        fields: plain values of the session.
    """
    entries = [{"label": entry.label, "face": changed(entry.state)} for entry in history.entries]
    document = {"format": FORMAT, "version": VERSION, "position": history.position, "entries": entries}
    return json.dumps({**document, "view": changed(view), **fields}, indent=1).encode()


def from_json(content: bytes) -> tuple[History, ViewSettings, dict[str, Any]]:
    """Read a session.

    Args:
        content: what `to_json` wrote, or anything.

    Returns:
        History, view, and all other fields, whose values are not checked.

    Raises:
        ValueError: if it is too large, damaged, or holds what cannot be; says what.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"session: expected at most {MOST_BYTES >> 20} MB, got {len(content)} bytes; {REMEDY}")
    found = _parsed(content)
    if found.pop("format", None) != FORMAT or found.pop("version", None) != VERSION:
        raise ValueError(f"session: expected a {FORMAT} of version {VERSION}, got another file; {REMEDY}")
    entries, position = found.pop("entries", None), found.pop("position", None)
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_ENTRIES:
        raise ValueError(f"session: expected 1 to {MOST_ENTRIES} entries, got something else; {REMEDY}")
    if type(position) is not int or not 0 <= position < len(entries):
        raise ValueError(f"session: expected a position from 0 to {len(entries) - 1}, got {position!r}; {REMEDY}")
    read = [
        Entry(face_of(_object(entry).get("face")), str(_object(entry).get("label"))[:200], float("-inf"))
        for entry in entries
    ]
    return History(read, position), view_of(found.pop("view", {})), found


def to_link(state: FaceState, view: ViewSettings) -> str:
    """A face and its view as letters that an address can hold."""
    content = json.dumps({"face": changed(state), "view": changed(view)}, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


def from_link(letters: str) -> tuple[FaceState, ViewSettings]:
    """Read what `to_link` made; raises ValueError for anything else."""
    if len(letters) > MOST_LINK:
        raise ValueError(f"link: expected at most {MOST_LINK} letters, got {len(letters)}")
    try:
        packed = base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(packed, MOST_LINKED)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"link: expected a whole one, got one that is damaged or cut off ({error})") from error
    if not unpacking.eof:
        raise ValueError("link: expected a whole one, got one that is cut off or too large")
    found = _parsed(content)
    return face_of(found.get("face")), view_of(found.get("view", {}))


def changed(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not their defaults."""
    plain = type(value)()
    fields = dataclasses.asdict(value)
    return {name: field for name, field in fields.items() if getattr(value, name) != getattr(plain, name)}


def face_of(found: Any) -> FaceState:
    """Read a face; raises ValueError for what cannot be one."""
    fields = _known(found, FaceState)
    for name in PAIRS:
        if name in fields:
            fields[name] = tuple(sorted(_pairs(name, fields[name], float)))
    if "edits" in fields:
        fields["edits"] = tuple(_made(Edit, _known(edit, Edit)) for edit in _list("edits", fields["edits"]))
    return _made(FaceState, fields)


def view_of(found: Any) -> ViewSettings:
    """Read a view; raises ValueError for what cannot be one."""
    fields = _known(found, ViewSettings)
    if "others" in fields:
        fields["others"] = tuple(_pairs("others", fields["others"], int))
    return _made(ViewSettings, fields)


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        return _object(parse_json(content))
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"session: expected JSON, got something else ({error}); {REMEDY}") from error


def _made(kind: type, fields: dict[str, Any]) -> Any:
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(f"session: {error}; {REMEDY}") from error


def _known(found: Any, kind: type) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    fields = dict(_object(found))
    unknown = sorted(str(name) for name in fields.keys() - names)
    if unknown:
        raise ValueError(f"session: expected fields of {', '.join(sorted(names))}, got {unknown[0][:40]!r}; {REMEDY}")
    return fields


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"session: expected an object, got {type(found).__name__}; {REMEDY}")
    return found


def _list(name: str, found: Any) -> list:
    if not isinstance(found, list) or len(found) > MOST_PAIRS:
        raise ValueError(f"session: {name}: expected a list of at most {MOST_PAIRS}, got something else; {REMEDY}")
    return found


def _pairs(name: str, found: Any, number: Callable[[Any], Any]) -> list[tuple[str, Any]]:
    pairs = _list(name, found)
    for pair in pairs:
        fits = isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and not isinstance(pair[1], bool)
        if not fits or not isinstance(pair[1], int if number is int else (int, float)):
            raise ValueError(f"session: {name}: expected pairs of a name and a number, got something else; {REMEDY}")
    try:
        return [(pair[0], number(pair[1])) for pair in pairs]
    except OverflowError:  # a whole number of hundreds of digits
        raise ValueError(f"session: {name}: expected numbers, got one that is too large; {REMEDY}") from None
