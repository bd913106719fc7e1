"""A look at a pickle's program before it is run: what would crash the interpreter, or take memory or time without end.

The unpickler of Python trusts three things. Tuples are hashed by recursion in C, which ends the process where they are
nested deep, and takes for ever where one is in another twice, sixty times over. The number of an entry of its memo is
taken for the size of a table. And lengths are taken for what follows.
"""

import io
import pickletools
import re
import zipfile
from typing import IO

DEEPEST = 100  # of tuples in tuples; arrays and what holds them are 10 deep
MOST_HASHED = 100_000  # parts of a tuple, counted as often as they are in it
MOST_STEPS = 1_000_000  # of a program; FLAME's file has 3,000, a list of numbers one for each
_TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_TUPLE"}
_STORE = {"PUT", "BINPUT", "LONG_BINPUT"}
_FETCH = {"GET", "BINGET", "LONG_BINGET"}
_MARK = object()
_PLAIN = (0, 1)  # depth and parts of anything but a tuple
_OLD_PARTS = 5  # pickles that torch's format before zip begins with


class Refused(ValueError):
    """A pickle asks for what is not read."""


def in_words(error: Exception) -> str:
    """What PyTorch's reader found wrong with a file, in a line: it advises to run what is in the file, at length."""
    text = " ".join(str(error).split())
    if asked := re.search(r"Unsupported global: GLOBAL (\S+)", text):
        return f"it asks for {asked[1]}, which is refused; nothing was run"
    if re.search("weights_only|opcode|pickle exhausted", text):
        return "it is no file of torch.save"
    return text.split(". This is an internal")[0][:200] or type(error).__name__


def check_program(content: bytes) -> int:
    """Refuse a pickle whose program would do harm; nothing of it is run.

    Args:
        content: bytes that begin with the pickle; more may follow.

    Returns:
        How many bytes the pickle has.

    Raises:
        Refused, ValueError: if it would do harm, or is damaged.
    """
    stream = io.BytesIO(content)
    try:
        _follow(stream)
    except (IndexError, KeyError):  # there the unpickler stops too, and tells of it
        pass
    return stream.tell()


def _follow(stream: io.BytesIO) -> None:
    stack, memo = [], {}
    for steps, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if steps > MOST_STEPS:
            raise Refused(f"it has more than {MOST_STEPS} steps")
        name = opcode.name
        if name in _STORE:
            if argument > steps:
                raise Refused(f"it stores entry {argument} of its memo after {steps} steps")
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in _FETCH:
            stack.append(memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "DUP":
            stack.append(stack[-1])
        else:
            parts = _taken(opcode, stack)
            made = _tuple(parts) if name in _TUPLES else _PLAIN
            stack.extend([made] * len(opcode.stack_after))


def check_torch(file: IO[bytes]) -> None:
    """Refuse a file of `torch.save` whose programs would do harm, or whose archive unpacks to more than it is.

    Raises:
        Refused, ValueError: as `check_program`.
    """
    if not zipfile.is_zipfile(file):
        file.seek(0)
        content = file.read()
        for _ in range(_OLD_PARTS):
            content = content[check_program(content) :]
        return
    size = file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if any(entry.compress_type for entry in entries) or sum(entry.file_size for entry in entries) > size:
            raise Refused("it is packed, or claims more bytes than it has")
        for entry in entries:
            if entry.filename.endswith(".pkl"):
                check_program(archive.read(entry))


def _taken(opcode: pickletools.OpcodeInfo, stack: list) -> list[tuple[int, int]]:
    """Take what an opcode takes from the stack."""
    parts, wanted = [], opcode.stack_before
    if pickletools.markobject in wanted:
        while (part := stack.pop()) is not _MARK:
            parts.append(part)
        wanted = wanted[: wanted.index(pickletools.markobject)]
    parts += [stack.pop() for _ in wanted]
    if _MARK in parts and opcode.name != "POP":
        raise ValueError("a mark is taken for an object")
    return parts


def _tuple(parts: list[tuple[int, int]]) -> tuple[int, int]:
    depth, count = 1 + max((part[0] for part in parts), default=0), 1 + sum(part[1] for part in parts)
    if depth > DEEPEST or count > MOST_HASHED:
        raise Refused(f"it has tuples nested {depth} deep with {count} parts")
    return depth, count
