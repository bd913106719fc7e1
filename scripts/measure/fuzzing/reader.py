"""What a reader is to the fuzzer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from .text_lies import documents

Lies = Callable[[bytes], Iterator[tuple[str, bytes]]]
NOTES: tuple[tuple[str, Lies], ...] = ((".json", documents),)  # beside weights


class Reader(NamedTuple):
    """A reader, and how to try it."""

    name: str
    file: str  # of the valid file, or folder
    make: Callable[[Path], object]  # writes it
    read: Callable[[Path], object]
    lies: Lies | None = None  # about the file itself
    beside: tuple[tuple[str, Lies], ...] = ()  # other files of it by their suffix, and lies about those
    pixels: bool = False  # whether its memory goes by pixels
    unnamed: bool = False  # whether the message is the reason alone, to which the caller adds the file
    named: tuple[str, ...] = ()  # further files that messages may be about
    lenient: bool = False  # whether it leaves out what it cannot read, and tells of it elsewhere
