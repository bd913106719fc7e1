"""NumPy's arrays from files, in memory that goes by the file: what a header claims is compared first."""

import math
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np

from clipface.files import regular

KINDS = "biufUS"  # of numbers and text; objects would run code, records and dates are nothing of ours
TIMES, SPARE = 10, 64 << 20  # an archive may unpack to so many times its size, and bytes besides
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the other ways may claim gigabytes for themselves


def read_arrays(
    path: str | Path | IO[bytes],
    what: str,
    keys: Collection[str] | None = None,
    remedy: str = "write it again",
    finite: bool = True,
) -> dict[str, np.ndarray]:
    """Read an `.npz` file.

    Args:
        path: of the file; or an open one.
        what: it is to the user, for the messages.
        keys: arrays that must be there and are read; None: all.
        remedy: what to do about a missing or damaged file.
        finite: whether numbers must be finite, in single precision too.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such archive, damaged, lacks an array, claims more than it holds, or holds NaN or
            infinity.
    """
    if isinstance(path, str | Path):
        path = regular(path, what, remedy)
        room = TIMES * path.stat().st_size + SPARE
    else:
        room = SPARE
    try:
        with zipfile.ZipFile(path) as archive:
            members = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            missing = [key for key in keys or () if key not in members]
            if missing:
                raise ValueError(f"the arrays {', '.join(missing)} are missing")
            arrays = {}
            for name in members if keys is None else keys:
                arrays[name] = _member(archive, members[name], room)
                room -= arrays[name].nbytes
        if finite:
            for name, array in arrays.items():
                _check_finite(name, array)
        return arrays
    except Exception as error:  # zip, zlib and NumPy's header parser each raise their own
        got = getattr(path, "name", "bytes") if not isinstance(path, Path) else path
        raise ValueError(f"{what}: {got} is cut off or no .npz of numbers ({_words(error)}); {remedy}") from error


def array_names(path: str | Path, what: str, remedy: str) -> set[str]:
    """Names of the arrays in an `.npz` file; arguments and errors as of `read_arrays`."""
    path = regular(path, what, remedy)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except Exception as error:
        raise ValueError(f"{what}: {path} is cut off or no .npz ({_words(error)}); {remedy}") from error


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type of the array that begins here."""
    old = np.lib.format.read_magic(file) == (1, 0)
    return (np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0)(file)


def read_array(file: IO[bytes], size: int) -> np.ndarray:
    """Read the array that begins here and is `size` bytes long, its header included."""
    shape, fortran, dtype = read_header(file)
    count = math.prod(shape)
    if dtype.kind not in KINDS or min(shape, default=0) < 0:
        raise ValueError(f"expected numbers or text, got {dtype} of shape {shape}")
    if count * dtype.itemsize != size - file.tell():
        raise ValueError(
            f"expected {count * dtype.itemsize} bytes for {dtype} of shape {shape}, got {size - file.tell()}"
        )
    content = file.read(count * dtype.itemsize)
    array = np.frombuffer(bytearray(content), dtype, count)
    return array.reshape(shape, order="F" if fortran else "C")


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, room: int) -> np.ndarray:
    if entry.file_size > room or entry.compress_type not in PACKED:
        raise ValueError(f"{entry.filename} claims {entry.file_size} bytes, packed in way {entry.compress_type}")
    try:
        with archive.open(entry) as file:
            return read_array(file, entry.file_size)
    except Exception as error:  # NumPy's header parser reads Python's grammar, and zlib has its own
        raise ValueError(f"{entry.filename}: {_words(error)}") from error


def _check_finite(name: str, array: np.ndarray) -> None:
    if array.dtype.kind == "f" and array.size:
        low, high = float(array.min()), float(array.max())  # NaN in either, if there is one
        if not (low >= -np.finfo(np.float32).max and high <= np.finfo(np.float32).max):
            raise ValueError(f"{name} holds numbers that are not finite in single precision")


def _words(error: Any) -> str:
    return f"{error}"[:300] or type(error).__name__
