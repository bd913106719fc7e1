"""Text files that users bring: JSON, YAML and plain text, in bounded memory and with one kind of error."""

import json
from pathlib import Path
from typing import Any

import yaml

from clipface.files import regular

MOST_TEXT = 32 << 20  # bytes of a text or JSON file
MOST_YAML = 256 << 10  # which takes PyYAML five seconds
DEEPEST = 50  # of YAML's lists in lists


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
        return json.loads(text, parse_constant=_refuse)
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


def _refuse(word: str) -> None:
    raise ValueError(f"expected finite numbers, got {word}")


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
