"""Texts that parsers break on: JSON, YAML, tables and meshes."""

import base64
import json
import zlib
from collections.abc import Iterator

Lie = tuple[str, bytes]


def documents(content: bytes) -> Iterator[Lie]:
    """JSON: every value of the document in turn is something else, and the document is."""
    whole = ("null", "[]", "{}", "3", '"x"', "[" * 100_000, '{"a":' * 100_000, "", "\x00", "NaN")
    for words in (*whole, '{"a": 1' + "0" * 5000 + "}"):
        yield f"the document is {words[:12]!r}", words.encode()
    yield "UTF-16", content.decode().encode("utf-16")
    yield "bytes that are no UTF-8", content[:20] + b"\xff\xfe" + content[20:]
    given = json.loads(content)
    for path in list(_places(given))[:60]:
        for other in (None, [], {}, -1, 0, 10**9, 1e308, "x", True, 10**400, float("nan"), [[[1]]]):
            yield f"{'.'.join(map(str, path))} = {str(other)[:12]}", json.dumps(_put(given, path, other)).encode()
        yield f"{'.'.join(map(str, path))} left out", json.dumps(_put(given, path, _put)).encode()
    if isinstance(given, dict):
        yield "an unknown key", json.dumps({**given, "unknown": 1}).encode()


def _places(given: object, path: tuple = ()) -> Iterator[tuple]:
    pairs = given.items() if isinstance(given, dict) else enumerate(given[:3]) if isinstance(given, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _put(given: object, path: tuple, value: object) -> object:
    """A copy with one value changed; `_put` itself: left out."""
    copy = json.loads(json.dumps(given))
    place = copy
    for key in path[:-1]:
        place = place[key]
    if value is _put:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


def yamls(content: bytes) -> Iterator[Lie]:
    """YAML."""
    text = content.decode()
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join('*' + chr(97 + n) for _ in range(9))}]\n" for n in range(9)
    )
    yield "aliases", (bomb + text).encode()
    merge = "a: &a {x: 1}\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{','.join('*' + chr(97 + n) for _ in range(9))}]}}\n" for n in range(9)
    )
    yield "merged keys", (merge + text).encode()
    yield "aliases in a message", (bomb + "keyframes: [*j, *j]\n").encode()
    yield "brackets nested 10^5 deep", b"keyframes: " + b"[" * 100_000
    yield "braces nested 10^4 deep", b"{a: " * 10_000 + b"}" * 10_000
    yield "dashes nested 10^4 deep", b"- " * 10_000 + b"a"
    for words in (
        "1" + "0" * 400,
        "!!bool abc",
        "!!int x",
        "!!float x",
        "!!timestamp x",
        "!!python/name:os.system",
        "2001-01-01",
        "0x" + "f" * 400,
        ".nan",
        ".inf",
        "-.inf",
        "null",
        "[]",
        "true",
        "1:30:00",
        "99999999999:59",
        "1000000",
        "1e300",
        "? [a]",
        "!!binary =",
        "!!set {a}",
        "!!omap [a]",
        "=",
        "<<",
        "*x",
        "&x",
        "${a}",
        "${oc.env:HOME}",
        "???",
    ):
        for old in ("0.4", "30", "smooth", "neutral", "angry", "200", "keep"):
            if old in text:
                yield f"{words[:20]} for {old}", text.replace(old, words, 1).encode()
    for words in ("null", "[]", "3", "", "\x00", "a: 1\na: 2", "\t- a", "--- a\n--- b", "%YAML 9.9\n--- a"):
        yield f"the document is {words!r}", words.encode()
    yield "bytes that are no UTF-8", content[:20] + b"\xff\xfe" + content[20:]
    yield "5 MB of keyframes", content + b"  - {time: 1, jaw: 3}\n" * 200_000


def texts(content: bytes) -> Iterator[Lie]:
    """Tables and lists."""
    yield "bytes that are no UTF-8", content[:20] + b"\xff\xfe" + content[20:]
    yield "UTF-16", content.decode().encode("utf-16")
    yield "zeros", bytes(10_000)
    yield "a quote that does not end", content + b'"' + b"x" * 300_000
    yield "one line of 10 MB", b"x" * (10 << 20)
    yield "a million commas", content + b"," * 10**6
    yield "2 million line ends", content + b"\n" * (2 * 10**6)
    columns = b",".join(b"%x" % number for number in range(100_000))
    yield "100,000 columns of 20,000 rows", content.split(b"\n")[0] + b"," + columns + b"\na" * 20_000
    yield "no rows", content.split(b"\n")[0]
    yield "a row of 10^6 cells", content + b"a," * 10**6
    for words in (b"nan", b"inf", b"1e999", b"9" * 400, b"-1", b"1e300", b""):
        yield f"{words[:9].decode()} for a number", content.replace(b"0.25", words, 1).replace(b"0.1", words, 1)
        yield f"{words[:9].decode()} for a time", content.replace(b"00:00:01:02", words, 1)


def meshes(content: bytes) -> Iterator[Lie]:
    """OBJ."""
    yield from texts(content)
    for words in (
        b"f 1/1 2/2 " + b"9" * 400 + b"/1",
        b"f 1/1 2/2 0/0",
        b"f 1/1 2/2 -1/-1",
        b"f 1/1 2/2 3/9999999",
        b"f 1/1 2/2 9223372036854775808/1",
        b"v 1 2",
        b"v nan 0 0",
        b"v 1e39 0 0",
        b"v inf 0 0",
        b"vt nan 0",
        b"f 1//1 2//2 3//3",
        b"f",
        b"v 1 2 x",
        b"f 1/1 2/2 3/3 4/4",
        b"f 1.5/1 2/2 3/3",
    ):
        yield words[:24].decode(), content + words + b"\n"
    yield "no faces", b"v 0 0 0\nvt 0 0\n"


def letters(content: bytes) -> Iterator[Lie]:
    """What an address holds: packed JSON in letters."""
    plain = zlib.decompress(base64.urlsafe_b64decode(content + b"=" * (-len(content) % 4)))
    for label, words in documents(plain):
        yield label, base64.urlsafe_b64encode(zlib.compress(words)).rstrip(b"=")
    yield "100 MB of zeros", base64.urlsafe_b64encode(zlib.compress(bytes(100 << 20), 9))
    yield "letters without end", b"A" * 10**7
