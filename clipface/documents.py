"""Text files that users bring: JSON, YAML and plain text, in bounded memory and with one kind of error."""

import json
import math
import reprlib
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from clipface.files import regular

MOST_TEXT = 32 << 20  # bytes of a text or JSON file
MOST_YAML = 256 << 10  # which takes PyYAML five seconds
DEEPEST = 50  # of YAML's lists in lists
_Settings = TypeVar("_Settings")


def read_text(path: str | Path, what: str, remedy: str = "write it again", most: int = MOST_TEXT) -> str:
    """Read a text file (UTF-8, with or without a byte order mark), whatever the locale.

    Args:
        path: of the file.
        what: it is to the user, for the messages.
        remedy: what to do about a missing or damaged file.
        most: bytes of it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no regular file, too large, or no text in UTF-8.
    """
    path = regular(path, what, remedy)
    size = path.stat().st_size
    if size > most:
        raise ValueError(f"{what}: expected at most {most} bytes of text, got {size} in {path}; {remedy}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{what}: expected text in UTF-8, got {path} ({error}); {remedy}") from error


def read_json(path: str | Path, what: str, remedy: str = "write it again") -> dict[str, Any]:
    """Read a JSON file that holds an object; arguments and errors as of `read_text`."""
    text = read_text(path, what, remedy)
    try:
        found = parse_json(text)
    except ValueError as error:
        raise ValueError(f"{what}: {path} is not valid JSON ({error}); {remedy}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{what}: expected an object {{...}} in {path}, got {type(found).__name__}; {remedy}")
    return found


def parse_json(text: str | bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: if it is damaged, nested too deep, or holds NaN or infinity, which JSON does not know.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def read_yaml(path: str | Path, what: str, remedy: str = "write it again") -> Any:
    """Read a YAML file of plain values; anchors and aliases, which can make much of little, are refused.

    Arguments and errors as of `read_text`.
    """
    text = read_text(path, what, remedy, MOST_YAML)
    try:
        return yaml.load(text, _Plain)  # noqa: S506  a SafeLoader
    except RecursionError:
        raise ValueError(f"{what}: {path}: no YAML, or cut off (nested too deep); {remedy}") from None
    except Exception as error:  # a constructor fails in as many ways as Python's types
        raise ValueError(
            f"{what}: {path}: no YAML, or cut off ({str(error) or type(error).__name__}); {remedy}"
        ) from error


def check_fields(what: str, found: Mapping[str, Any], remedy: str = "write it again", **kinds: Any) -> None:
    """Refuse an object of a document whose fields are not what its reader takes them for.

    Args:
        what: the object is to the user, for the message.
        found: its fields; others than those named are left alone.
        remedy: what to do about it.
        kinds: types by field, such as `str`, `float | None` or `list[str]`; a field left out counts as None.

    Raises:
        ValueError: naming the first that is none of its type.

    Example:
        >>> check_fields("mapper runs/a/mapper.json", notes, psi=float | None, generator=str | None)
    """
    for name, kind in kinds.items():
        if not _fits(found.get(name), kind):
            got = reprlib.repr(found[name]) if name in found else "none"
            raise ValueError(f"{what}: {name}: expected {_named(kind)}, got {got}; {remedy}")


def made(kind: type[_Settings], found: Any, what: str) -> _Settings:
    """Make settings, a dataclass, from an object of a document.

    Args:
        kind: the dataclass.
        found: its fields by name.
        what: they are to the user, for the message.

    Raises:
        ValueError: if it is no object, has a field that is not known or of another type, or a value does not fit.
    """
    hints = get_type_hints(kind)
    if not isinstance(found, dict):
        raise ValueError(f"{what}: expected an object {{...}}, got {reprlib.repr(found)}")
    unknown = [name for name in found if name not in hints]
    if unknown:
        raise ValueError(f"{what}: expected fields of {', '.join(hints)}, got {unknown[0][:40]!r} too")
    check_fields(what, found, **{name: hints[name] for name in found})
    try:
        return kind(**found)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _fits(value: Any, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if kind is Any:
        return True
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    if origin is list:
        return isinstance(value, list) and all(_fits(part, inner[0]) for part in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(part, inner[1]) for part in value.values())
    return isinstance(value, NoneType if kind is None else kind) and (kind is bool or not isinstance(value, bool))


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _named(kind: Any) -> str:
    """A type in words."""
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(_named(each) for each in get_args(kind))
    words = {str: "text", float: "a number", int: "a whole number", bool: "true or false", dict: "an object {...}"}
    named = {None: "null", NoneType: "null", list: "a list"} | words
    return named.get(kind) or named.get(get_origin(kind)) or str(kind)


def _refuse(word: str) -> None:
    raise ValueError(f"expected finite numbers, got {word[:20]}")


def _finite(word: str) -> float:
    """The number of a word, unless that is more than any number."""
    return value if math.isfinite(value := float(word)) else _refuse(word)


class _Plain(yaml.SafeLoader):
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse what YAML has and plain values do not."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("expected plain values, got an alias (*)")
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"expected at most {DEEPEST} levels of lists in lists")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node
