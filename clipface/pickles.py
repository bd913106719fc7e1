"""Reading other people's pickles without running anything in them.

A pickle is a small program that may call any function by name. Here every name it uses becomes an inert `_Record` that
only remembers what it was called with; a name outside the table `READERS` is refused. When the program has ended, the
records are turned into numpy arrays by the functions of `pickle_readers`, which check what they are given. So the
unpickling code of numpy, scipy and chumpy never sees the file, nor need scipy and chumpy be installed. The bytes of a
torch tensor go to `torch.load(weights_only=True)`. What would crash or exhaust the unpickler is refused before it runs
(`pickle_check`).
"""

import io
import pickle
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from clipface.arrays import read_array, read_header
from clipface.files import regular
from clipface.pickle_check import Refused, check_program
from clipface.pickle_readers import READERS

MOST_PARTS = 1_000_000  # numbers, names and arrays, counted as often as they are in lists of lists


class _Record:
    """What a pickle did with one name: its arguments, its state, its items."""

    name = ""

    def __new__(cls, *args: Any, **_: Any) -> "_Record":
        record = super().__new__(cls)
        record.args, record.state, record.items = args, None, []
        return record

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))

    def append(self, value: Any) -> None:  # of a list's kin, which only what is left out can be
        self.items.append(value)


class _Unpickler(pickle.Unpickler):
    lenient = False  # whether an unknown name is refused only where it is read

    def find_class(self, module: str, name: str) -> type[_Record]:
        known = _canonical(module, name)
        if not self.lenient:
            _reader(known, f"{module}.{name}")
        # A fresh class each time: whatever a pickle does to it is gone with it.
        return type("_Record", (_Record,), {"name": known})


def load(source: str | Path | io.BufferedIOBase, keys: Collection[str] | None = None) -> Any:
    """Read a pickle as plain data.

    Args:
        source: a file, or an open one, positioned where the pickle begins. Python 2 text is read as Latin-1.
        keys: read only these of a dict's, whatever others hold; None: all.

    Returns:
        Dicts, lists, tuples, numbers, text and numpy arrays. Chumpy arrays, scipy sparse matrices (made dense) and
        torch tensors become numpy arrays too; an image transform of skimage a namespace with its `params`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the pickle names anything else (the message says what), or is cut off or damaged.
    """
    if isinstance(source, str | Path):
        with regular(source, "pickle").open("rb") as file:
            return load(file, keys)
    title = getattr(source, "name", "pickle")
    try:
        content = source.read()
        check_program(content)
        unpickler = _Unpickler(io.BytesIO(content), encoding="latin1")
        unpickler.lenient = keys is not None
        given = unpickler.load()
        if keys is not None and isinstance(given, dict):
            given = {key: given[key] for key in keys if key in given}
        return _Plain().value(given)
    except Refused as error:
        raise ValueError(f"{title}: {error}") from None
    except Exception as error:  # a damaged pickle can fail in any opcode, so with any exception
        raise ValueError(f"{title}: cut off, damaged or not such a pickle ({error}); fetch it again") from error


def load_npy(path: str | Path) -> Any:
    """Read a `.npy` file; one that holds objects is read like `load` does.

    Returns:
        The array, or the object itself if the array has no axes.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: as `load`.
    """
    path = regular(path, "array")
    with path.open("rb") as file:
        try:
            if not read_header(file)[2].hasobject:
                file.seek(0)
                return read_array(file, path.stat().st_size)
        except Exception as error:  # numpy parses the header as Python text, which fails in as many ways
            raise ValueError(f"{path}: cut off or not a .npy file ({error}); fetch it again") from error
        array = load(file)
    return array.item() if isinstance(array, np.ndarray) and array.shape == () else array


def _canonical(module: str, name: str) -> str:
    """One name for what Python 2 and 3, and old and new numpy and scipy, call differently."""
    module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
    module = module.replace("numpy._core.", "numpy.core.", 1)
    if re.fullmatch(r"scipy\.sparse\._?(csc|csr|coo)", module):
        module, name = "scipy.sparse", name.replace("_array", "_matrix")
    if module == "skimage.transform._geometric" and re.fullmatch(r"(Similarity|Euclidean|Affine)Transform", name):
        name = "Transform"
    return f"{module}.{name}"


class _Plain:
    """Turns what the unpickler left into plain data; an object met twice is converted once."""

    def __init__(self) -> None:
        self.done: dict[int, Any] = {}
        self.open: set[int] = set()
        self.parts: dict[int, int] = {}  # of each object done
        self.count = 0  # parts met so far

    def value(self, given: Any) -> Any:
        self.count += 1
        if isinstance(given, type):  # a class that was named and not called
            return _reader(given.name) and given.name
        if not isinstance(given, _Record | dict | list | tuple | set | frozenset):
            return given
        key = id(given)
        if key in self.open:
            raise ValueError("an object contains itself")
        before = self.count
        if key not in self.done:
            self.open.add(key)
            self.done[key] = self._convert(given)
            self.open.remove(key)
            self.parts[key] = self.count - before
        self.count = before + self.parts[key]
        if self.count > MOST_PARTS:
            raise Refused(f"it has more than {MOST_PARTS} parts, counted as often as they are in it")
        return self.done[key]

    def _convert(self, given: Any) -> Any:
        if isinstance(given, dict):
            return {self.value(name): self.value(value) for name, value in given.items()}
        if not isinstance(given, _Record):
            return type(given)(self.value(value) for value in given)
        reader = _reader(given.name)
        args, state = self.value(given.args), self.value(given.state)
        if given.name == "copyreg._reconstructor":  # how old protocols make an object: (class, base, nothing)
            return READERS[args[0]]((), state, [])
        return reader(args, state, [self.value(item) for item in given.items])


def _reader(name: str, called: str | None = None) -> Callable[[tuple, Any, list], Any]:
    if name not in READERS:
        read = "only plain values and arrays of numpy, scipy.sparse, chumpy and torch are read"
        raise Refused(f"it asks for {called or name}, which is refused: {read}; nothing was run")
    return READERS[name]
