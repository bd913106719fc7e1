"""Files that lie, made on purpose: small ones that claim or become much."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterator

import numpy as np

from .text_lies import Lie, documents

DEEP = 10**6  # more than any interpreter's stack holds
HUGE = 1 << 40


def nothing(content: bytes) -> Iterator[Lie]:
    """Files cut off or empty, or of other bytes."""
    yield "zeros", bytes(len(content))
    yield "nothing", b""
    yield "half", content[: len(content) // 2]


def pickles(content: bytes = b"") -> Iterator[Lie]:
    """Programs of the pickle machine."""
    yield "tuples nested 10^6 deep", b"\x80\x02)" + b"\x85" * DEEP + b"."
    yield "a deep tuple as a key", b"\x80\x02})" + b"\x85" * DEEP + b"K\x01s."
    yield "a tuple that doubles, as a key", b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"K\x01s."
    yield "a deep tuple in a set", b"\x80\x04\x8f()" + b"\x85" * DEEP + b"\x90."
    yield "lists nested 10^6 deep", b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b"."
    yield "a memo of 4 GB", b"\x80\x02Nr\xff\xff\xff\x0f."
    yield "a memo named by digits", b"\x80\x02Np999999999\n."
    yield "a list shared 10^8 times", b"\x80\x02}X\x03\x00\x00\x00exp" + shared_lists() + b"s."
    yield "bytes of 2 GB", b"\x80\x04B\xff\xff\xff\x7fab."
    yield "a whole number of 1 GB", b"\x80\x02\x8b\xff\xff\xff\x3f\x01."
    yield "text of 2^60 bytes", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"."
    yield "a frame of 2^60 bytes", b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"N."
    yield "a number of 10^6 digits", b"\x80\x02I" + b"9" * DEEP + b"\n."
    yield "a call", pickle.dumps(print)
    yield "a list", pickle.dumps([1, 2])
    yield "nothing but null", pickle.dumps(None)
    array = pickle.dumps({"exp": np.zeros((1, 4))}, protocol=2)
    yield "a shape of 2^60", array.replace(b"K\x01K\x04\x86", b"\x8a\x08" + struct.pack("<Q", 1 << 60) + b"K\x04\x86")


def shared_lists() -> bytes:
    """A program that makes four lists of a hundred, each of the one before."""
    made = b"](" + b"K\x00" * 100 + b"eq\x01"
    for number in range(2, 5):
        made += b"](" + (b"h" + bytes([number - 1])) * 100 + b"eq" + bytes([number])
    return made


def npz(content: bytes) -> Iterator[Lie]:
    """Archives of arrays."""
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    for name in names[:3]:
        yield f"{name} of 2 GB of zeros", _with_member(content, name, _npy((1 << 28,)) + bytes(4 << 20), HUGE)
        yield f"{name} of shape 2^50", _with_member(content, name, _npy((1 << 50,)))
        yield f"{name} of NaN", _with_member(content, name, _array(np.full((2, 2), np.nan, np.float32)))
        yield f"{name} of infinity", _with_member(content, name, _array(np.array(np.inf)))
        yield f"{name} of objects", _with_member(content, name, _object())
        yield f"{name} of text", _with_member(content, name, _array(np.array(["a" * 100])))
        yield f"{name} of records", _with_member(content, name, _array(np.zeros(3, [("x", "f4")])))
        yield f"{name} of no axes", _with_member(content, name, _array(np.array(3)))
        yield f"{name} empty", _with_member(content, name, _array(np.zeros((0, 4))))
        yield f"{name} of complex numbers", _with_member(content, name, _array(np.ones(3, complex)))
        yield f"{name} of no array", _with_member(content, name, b"hello")
        yield f"{name} of a header of brackets", _with_member(content, name, _header(b"(" * 5000))
        yield f"{name} packed 300 MB", _with_member(content, name, _npy((75 << 20,)) + bytes(300 << 20))
        yield f"{name} beyond float32", _with_member(content, name, _array(np.full((4, 4), 1e200)))
    yield "an empty archive", b"PK\x05\x06" + bytes(18)


def _with_member(content: bytes, name: str, changed: bytes, claimed: int = 0) -> bytes:
    """An archive with one member changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive:
        for other in given.namelist():
            archive.writestr(other, changed if other == name else given.read(other))
    made = result.getvalue()
    if claimed:  # the directory lies about the size
        real = struct.pack("<I", len(changed))
        made = made.replace(real, struct.pack("<I", min(claimed, 0xFFFFFFF0)))
    return made


def _npy(shape: tuple[int, ...]) -> bytes:
    return _header(repr({"descr": "<f4", "fortran_order": False, "shape": shape}).encode())


def _header(words: bytes) -> bytes:
    words += b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(words)) + words


def _array(array: np.ndarray) -> bytes:
    result = io.BytesIO()
    np.save(result, array)
    return result.getvalue()


def _object() -> bytes:
    result = io.BytesIO()
    np.save(result, np.array([print], object), allow_pickle=True)
    return result.getvalue()


def archives(content: bytes) -> Iterator[Lie]:
    """Zip files of JSON."""
    for label, words in documents(
        b'[{"faceRectangle": {"width": 9, "height": 9}, "faceAttributes": {"glasses": "x"}}]'
    ):
        yield label, _with_member(content, "json/00001.json", words)
    yield "a member of 300 MB", _with_member(content, "json/00001.json", b"[" + b" " * (300 << 20) + b"]")
    yield "an empty archive", b"PK\x05\x06" + bytes(18)


def images(content: bytes) -> Iterator[Lie]:
    """Images."""
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"
    yield "SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    yield "zeros", bytes(1000)
    if content[:4] == b"\x89PNG":
        for side in (13_000, 60_000, 2**31 - 1, 0):
            yield f"a side of {side}", content[:16] + struct.pack(">II", side, side) + content[24:]


def mats(content: bytes) -> Iterator[Lie]:
    """MATLAB's files."""
    import zlib

    header = content[:128]
    bomb = zlib.compress(struct.pack("<II", 14, 1 << 30) + bytes(400 << 20), 9)
    yield "packed 400 MB", header + struct.pack("<II", 15, len(bomb)) + bomb
    deep = b""
    for _ in range(3000):
        deep = struct.pack("<II", 14, len(deep)) + deep
    yield "cells nested 3000 deep", header + deep
    packed = b""
    for _ in range(200):
        packed = zlib.compress(struct.pack("<II", 15, len(packed)) + packed)
    yield "packed in packed", header + struct.pack("<II", 15, len(packed)) + packed
    yield "an element of 4 GB", header + struct.pack("<II", 14, 0xFFFFFFF0) + bytes(100)
    yield "HDF5", b"\x89HDF\r\n\x1a\n" + bytes(1000)
    yield "an early version", bytes(20) + b"\x00" * 1000
    yield "the header alone", header


def archives_of_torch(content: bytes) -> Iterator[Lie]:
    """Checkpoints: the program in them is another."""
    import torch

    for label, program in pickles():
        yield f"torch: {label}", _with_program(content, program)
    yield from pickles()  # the old format is a pickle itself
    for label, made in (
        ("a list", [1, 2]),
        ("null", None),
        ("a number", 3),
        ("text", "x"),
        ("a tensor", torch.zeros(3)),
        ("an empty dict", {}),
        ("stride 0", {"w_plus": torch.zeros(1).expand(1 << 40)}),
        ("stride 0 as codes", torch.zeros(1).expand(1 << 30, 8, 16)),
        (
            "a sparse claim",
            torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.int64), torch.ones(1), (1 << 30, 1 << 30)),
        ),
        ("not numbers", {"w": torch.full((2, 8, 16), float("nan"))}),
        ("NaN codes", torch.full((2, 8, 16), float("nan"))),
        (
            "block 40",
            {
                "mapping.layers.0.weight": torch.zeros(4, 4),
                "synthesis.const": torch.zeros(4, 4, 4),
                **{f"synthesis.blocks.{n}.conv1.weight": torch.zeros(4, 4) for n in range(41)},
            },
        ),
        ("keys that are numbers", {1: torch.zeros(3)}),
        ("a nested dict", {"level_0": {"layers.0.weight": 3}}),
        ("levels of lists", {f"level_{n}": [1] for n in range(10)}),
        ("levels of tensors", {f"level_{n}": torch.zeros(3) for n in range(10)}),
        ("empty levels", {f"level_{n}": {} for n in range(10)}),
        ("whole numbers", torch.zeros(2, 8, 16, dtype=torch.int64)),
        ("complex", torch.zeros(2, 8, 16, dtype=torch.complex64)),
        ("quantized", torch.quantize_per_tensor(torch.zeros(2, 8, 16), 1.0, 0, torch.qint8)),
        ("beyond float32", torch.full((2, 8, 16), 1e200, dtype=torch.float64)),
    ):
        result = io.BytesIO()
        torch.save(made, result)
        yield label, result.getvalue()
        result = io.BytesIO()
        if label != "quantized":
            torch.save(made, result, _use_new_zipfile_serialization=False)
            yield f"{label}, the old format", result.getvalue()


def _with_program(content: bytes, program: bytes) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(result, "w") as archive:
        for name in given.namelist():
            archive.writestr(name, program if name.endswith("data.pkl") else given.read(name))
    return result.getvalue()


def tensors(content: bytes) -> Iterator[Lie]:
    """safetensors: each tensor in turn is NaN, and the header lies."""
    import torch
    from safetensors.torch import load, save

    given, (size,) = load(content), struct.unpack("<Q", content[:8])
    metadata = json.loads(content[8 : 8 + size]).get("__metadata__")
    for name, value in list(given.items())[:40]:
        if value.is_floating_point() and value.numel():
            for number in (float("nan"), float("inf")):
                yield f"{name} holds {number}", save({**given, name: torch.full_like(value, number)}, metadata)
        yield f"{name} of another shape", save({**given, name: torch.zeros(3)}, metadata)
        yield f"{name} of one number", save({**given, name: torch.tensor(0.0)}, metadata)
        yield f"{name} empty", save({**given, name: torch.zeros(0)}, metadata)
        yield f"{name} of whole numbers", save({**given, name: torch.zeros(value.shape, dtype=torch.int64)}, metadata)
        yield f"{name} left out", save({key: other for key, other in given.items() if key != name}, metadata)
        yield (
            f"{name} beyond float32",
            save({**given, name: torch.full(value.shape, 1e200, dtype=torch.float64)}, metadata),
        )
    yield "another tensor", save({**given, "unknown": torch.zeros(3)}, metadata)
    yield "a header of 2^60 bytes", struct.pack("<Q", 1 << 60) + content[8:]
    yield "no tensors", save({}, metadata)
    for key in metadata or {}:
        for label, words in documents(metadata[key].encode()):
            try:
                yield f"notes: {label}", save(given, {**metadata, key: words.decode()})
            except UnicodeDecodeError:
                continue
