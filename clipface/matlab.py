"""MATLAB's `.mat` files of version 5, as scipy and DECA write them: arrays of numbers and text, by name.

Read here because the usual reader ends the process on damaged files. Cells, structures, sparse and complex arrays, and
objects, which hold nothing of ours, are left out.

Source: "MAT-File Format" (MathWorks, R2019b), chapter 1.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from clipface.arrays import SPARE, TIMES
from clipface.files import regular

HEADER = 128  # bytes: text, version and the order of bytes
VERSION = 0x0100
MATRIX, COMPRESSED = 14, 15
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
ENCODINGS = {16: "utf-8", 17: "utf-16", 18: "utf-32"}  # of text; older files write the characters' numbers
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
TEXT = 4  # the class of characters
COMPLEX = 0x800
MOST_AXES = 32


def read_mat(path: str | Path) -> dict[str, np.ndarray]:
    """Read a file's arrays.

    Returns:
        Arrays by name, of the axes that the file has (at least two); text as arrays of strings, a row each.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is cut off, damaged or of another version.
    """
    path = regular(path, "arrays")
    content = path.read_bytes()
    try:
        return dict(_arrays(content))
    except (ValueError, struct.error, zlib.error, OverflowError, MemoryError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cut off, damaged or not of its kind ({error}); write it again") from error


def _arrays(content: bytes) -> Iterator[tuple[str, np.ndarray]]:
    if content.startswith(b"\x89HDF") or b"MATLAB 7.3" in content[:HEADER]:
        raise ValueError("expected MATLAB's format 5, got 7.3; save it with -v7")
    mark = content[HEADER - 2 : HEADER]
    if len(content) < HEADER or mark not in (b"IM", b"MI"):
        raise ValueError("expected MATLAB's format 5, got something else")
    order = "<" if mark == b"IM" else ">"
    if struct.unpack(order + "H", content[HEADER - 4 : HEADER - 2])[0] != VERSION:
        raise ValueError("expected MATLAB's format 5, got another")
    room = TIMES * len(content) + SPARE
    for kind, body in _elements(content[HEADER:], order, padded=False):
        if kind == COMPRESSED:
            unpacking = zlib.decompressobj()
            body = unpacking.decompress(body, room)
            if unpacking.unconsumed_tail or not unpacking.eof:
                raise ValueError("an array is cut off, or unpacks to far more than the file")
            room -= len(body)
            ((kind, body),) = _elements(body, order)
        found = _matrix(body, order) if kind == MATRIX else None
        if found is not None:
            yield found


def _elements(content: bytes, order: str, padded: bool = True) -> Iterator[tuple[int, bytes]]:
    """Kinds and bodies of the elements one after the other."""
    place = 0
    while place < len(content):
        kind, size = struct.unpack_from(order + "II", content, place)
        if kind >> 16:  # a small one: size and kind in one word, then up to four bytes
            kind, size, start, step = kind & 0xFFFF, kind >> 16, place + 4, 8
            if size > 4:
                raise ValueError(f"a small element has {size} bytes")
        else:
            start = place + 8
            step = 8 + (-(-size // 8) * 8 if padded or kind != COMPRESSED else size)
        if start + size > len(content):
            raise ValueError(f"an element claims {size} bytes, {len(content) - start} are left")
        yield kind, content[start : start + size]
        place += step


def _matrix(body: bytes, order: str) -> tuple[str, np.ndarray] | None:
    """Name and values; None for a kind that is left out."""
    parts = _elements(body, order)
    flags, axes, name = next(parts, (0, b"")), next(parts, (0, b"")), next(parts, (0, b""))
    if len(flags[1]) != 8 or not 8 <= len(axes[1]) <= 4 * MOST_AXES or len(axes[1]) % 4:
        raise ValueError("an array lacks its type or shape")
    word = struct.unpack_from(order + "I", flags[1])[0]
    number, complex_parts = word & 0xFF, word & COMPLEX
    if complex_parts or (number not in CLASSES and number != TEXT):
        return None
    shape = np.frombuffer(axes[1], order + "i4").tolist()
    kind, raw = next(parts, (0, b""))
    if number == TEXT and kind in ENCODINGS:
        ends = "" if kind == 16 else "-le" if order == "<" else "-be"
        kind, raw = 6, np.array([*map(ord, raw.decode(ENCODINGS[kind] + ends))], order + "u4").tobytes()
    if kind not in TYPES or min(shape) < 0:
        raise ValueError(f"an array has type {kind} and shape {shape}")
    dtype = np.dtype(order + TYPES[kind])
    count = math.prod(shape)
    if count * dtype.itemsize != len(raw):
        raise ValueError(f"an array of shape {shape} and type {dtype} has {len(raw)} bytes")
    values = np.frombuffer(raw, dtype).reshape(shape, order="F")
    named = name[1].decode("ascii")
    if number == TEXT:
        codes = values.astype(np.uint32).reshape(shape[0] if count else 0, -1)
        return named, np.array(["".join(map(chr, row)) for row in codes.tolist()])
    return named, values.astype(CLASSES[number])
