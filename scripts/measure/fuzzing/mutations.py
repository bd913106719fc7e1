"""Changes to the bytes of a valid file: what transport, other programs and ill will do to it."""

import random
import re
from collections.abc import Callable

MOST_FLIPS = 8
NUMBERS = (
    b"\xff" * 4,
    b"\xff" * 8,
    b"\x00" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\xc0\x7f",
    b"\x80",
)
WORDS = (  # for a number or a word of a text
    b"null", b"[]", b"{}", b"-1", b"0", b"NaN", b"Infinity", b"1e999", b"9" * 400, b"1000000", b"2147483648", b'"x"',
    b"true", b"[[[]]]", b"!!bool abc", b"&a [*a]", b"\xff\xfe", b"\\u0000", b"1e-320", b"[" * 3000,
)  # fmt: skip


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The bytes after one to three changes."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        content = chance.choice(CHANGES)(content, chance)
    return content


def _flip(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, MOST_FLIPS) if changed else 0):
        changed[_place(content, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _place(content: bytes, chance: random.Random) -> int:
    """A place in the bytes; headers, at both ends, are met more often than what they describe."""
    kind, size = chance.randrange(3), len(content)
    near = min(size, 512)
    return (chance.randrange(size), chance.randrange(near), size - 1 - chance.randrange(near))[kind]


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _remove(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.randint(1, 64) :]


def _repeat(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    block = content[start : start + chance.randint(1, 256)]
    return content[:start] + block * chance.randint(2, 9) + content[start:]


def _swap(content: bytes, chance: random.Random) -> bytes:
    first, second = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    size = chance.randint(1, 64)
    middle = content[first + size : second]
    return content[:first] + content[second : second + size] + middle + content[first : first + size] + content[
        second + size :
    ]  # fmt: skip


def _number(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return content
    start, number = _place(content, chance), chance.choice(NUMBERS)
    return content[:start] + number + content[start + len(number) :]


def _word(content: bytes, chance: random.Random) -> bytes:
    """Put another word in the place of a number, a name or a text in quotes."""
    found = list(re.finditer(rb'-?\d[\d.e+-]*|"[^"\n]{0,40}"|[A-Za-z_]{3,}', content[: 1 << 16]))
    if not found:
        return content
    one = chance.choice(found)
    return content[: one.start()] + chance.choice(WORDS) + content[one.end() :]


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _flip, _cut, _remove, _repeat, _swap, _number, _number, _word, _word,
)  # fmt: skip
