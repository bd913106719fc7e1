"""Reading other people's pickles without running anything in them.

A pickle is a small program that may call any function by name. Here every name it uses becomes an inert `_Record` that
only remembers what it was called with; a name outside the table `_READERS` is refused. When the program has ended, the
records are turned into numpy arrays by the functions below, which check what they are given. So the unpickling code of
numpy, scipy and chumpy never sees the file, nor need scipy and chumpy be installed. The bytes of a torch tensor go to
`torch.load(weights_only=True)`.
"""

import io
import math
import pickle
import re
from collections.abc import Callable, Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

DTYPES = re.compile(r"[<>|=]?([biufcSU]\d+|O\d?)")
MOST_DENSE = 1 << 28  # entries of a sparse matrix made dense; a larger one is a damaged or hostile file


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


class _Refused(ValueError):
    pass


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
        with Path(source).open("rb") as file:
            return load(file, keys)
    title = getattr(source, "name", "pickle")
    try:
        unpickler = _Unpickler(source, encoding="latin1")
        unpickler.lenient = keys is not None
        given = unpickler.load()
        if keys is not None and isinstance(given, dict):
            given = {key: given[key] for key in keys if key in given}
        return _Plain().value(given)
    except _Refused as error:
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
    path = Path(path)
    with path.open("rb") as file:
        try:
            old = np.lib.format.read_magic(file) == (1, 0)
            header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            if not header(file)[2].hasobject:
                file.seek(0)
                return np.load(file, allow_pickle=False)
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

    def value(self, given: Any) -> Any:
        if isinstance(given, type):  # a class that was named and not called
            return _reader(given.name) and given.name
        if not isinstance(given, _Record | dict | list | tuple | set | frozenset):
            return given
        key = id(given)
        if key in self.open:
            raise ValueError("an object contains itself")
        if key not in self.done:
            self.open.add(key)
            self.done[key] = self._convert(given)
            self.open.remove(key)
        return self.done[key]

    def _convert(self, given: Any) -> Any:
        if isinstance(given, dict):
            return {self.value(name): self.value(value) for name, value in given.items()}
        if not isinstance(given, _Record):
            return type(given)(self.value(value) for value in given)
        reader = _reader(given.name)
        args, state = self.value(given.args), self.value(given.state)
        if given.name == "copyreg._reconstructor":  # how old protocols make an object: (class, base, nothing)
            return _READERS[args[0]]((), state, [])
        return reader(args, state, [self.value(item) for item in given.items])


def _reader(name: str, called: str | None = None) -> Callable[[tuple, Any, list], Any]:
    if name not in _READERS:
        read = "only plain values and arrays of numpy, scipy.sparse, chumpy and torch are read"
        raise _Refused(f"it asks for {called or name}, which is refused: {read}; nothing was run")
    return _READERS[name]


def _dtype(args: tuple, state: Any, items: list) -> np.dtype:
    text = args[0]
    if not (isinstance(text, str) and DTYPES.fullmatch(text)) or (state and (state[2] or state[3])):
        raise _Refused(f"it has an array of type {text!r}; only plain numbers and text are read")
    dtype = np.dtype("O" if text.startswith("O") else text)
    return dtype.newbyteorder(state[1]) if state and state[1] in "<>" else dtype


def _array(args: tuple, state: Any, items: list) -> np.ndarray:
    shape, dtype, fortran, content = state[-4:]
    return _fill(content, dtype, shape, "F" if fortran else "C")


def _fill(content: Any, dtype: np.dtype, shape: tuple, order: str) -> np.ndarray:
    count = math.prod(shape)
    if dtype.hasobject:
        array = np.empty(count, dtype=object)
        for index in range(count):
            array[index] = content[index]
    else:
        raw = content.encode("latin1") if isinstance(content, str) else content
        if len(raw) != count * dtype.itemsize:
            raise ValueError(f"an array of shape {shape} and type {dtype} has {len(raw)} bytes")
        array = np.frombuffer(raw, dtype=dtype).astype(dtype.newbyteorder("="))
    return array.reshape(shape, order=order)


def _sparse(major: int | None) -> Callable[[tuple, Any, list], np.ndarray]:
    def read(args: tuple, state: Any, items: list) -> np.ndarray:
        shape = tuple(int(size) for size in state["_shape"])
        if len(shape) != 2 or math.prod(shape) > MOST_DENSE:
            raise ValueError(f"a sparse matrix has shape {shape}")
        if major is None:
            index = state["coords"] if "coords" in state else (state["row"], state["col"])
        else:
            outer = np.repeat(np.arange(shape[major]), np.diff(state["indptr"]))
            index = (outer, state["indices"])[:: 1 if major == 0 else -1]
        if any(len(axis) and axis.min() < 0 for axis in index):
            raise ValueError("a sparse matrix has a negative index")
        dense = np.zeros(shape, dtype=state["data"].dtype)
        np.add.at(dense, tuple(index), state["data"])
        return dense

    return read


def _chumpy_select(args: tuple, state: Any, items: list) -> np.ndarray:
    chosen = np.asarray(state["a"]).ravel()[np.asarray(state["idxs"])]
    return chosen.reshape(state["preferred_shape"]) if "preferred_shape" in state else chosen


def _tensor(args: tuple, state: Any, items: list) -> np.ndarray:
    storage, offset, size, stride = args[:4]
    tensor = torch.as_strided(torch.tensor([], dtype=storage.dtype).set_(storage), size, stride, offset)
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy().copy()


def _storage(args: tuple, state: Any, items: list) -> Any:
    try:
        return torch.load(io.BytesIO(args[0]), weights_only=True, map_location="cpu")
    except pickle.UnpicklingError:  # torch's own message would advise to switch its check off
        raise _Refused("it holds a torch storage that is damaged or not only numbers; nothing was run") from None


def _latin1(args: tuple, state: Any, items: list) -> bytes:
    if args[1:] != ("latin1",):
        raise ValueError(f"bytes are written as {args[1:]}")
    return args[0].encode("latin1")


def _not_called(args: tuple, state: Any, items: list) -> Any:
    raise ValueError("a class that is only named is called")


_READERS: dict[str, Callable[[tuple, Any, list], Any]] = {
    "builtins.object": _not_called,
    "builtins.set": lambda args, state, items: set(*args),
    "builtins.bytes": lambda args, state, items: b"",  # the old protocols call it for the empty one only
    "builtins.bytearray": lambda args, state, items: b"" if not args else args[0],
    "collections.OrderedDict": lambda args, state, items: dict([*(args[0] if args else []), *items]),
    "copyreg._reconstructor": _not_called,
    "_codecs.encode": _latin1,
    "numpy.ndarray": _not_called,
    "numpy.dtype": _dtype,
    "numpy.core.multiarray._reconstruct": _array,
    "numpy.core.multiarray.scalar": lambda args, state, items: _fill(args[1], args[0], (), "C")[()],
    "numpy.core.numeric._frombuffer": lambda args, state, items: _fill(args[0], args[1], args[2], args[3]),
    "scipy.sparse.csr_matrix": _sparse(0),
    "scipy.sparse.csc_matrix": _sparse(1),
    "scipy.sparse.coo_matrix": _sparse(None),
    "chumpy.ch.Ch": lambda args, state, items: np.asarray(state["x"]),
    "chumpy.reordering.Select": _chumpy_select,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch.storage._load_from_bytes": _storage,
    "skimage.transform._geometric.Transform": lambda args, state, items: SimpleNamespace(**state),
}
