"""What the names in other people's pickles stand for: arrays of numpy, scipy, chumpy and torch, made from plain values.

Each reader gets the arguments, the state and the items that a pickle gives an object of its name.
"""

import io
import math
import pickle
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from clipface.pickle_check import Refused, check_torch

DTYPES = re.compile(r"[<>|=]?([biufcSU]\d+|O\d?)")
MOST_DENSE = 1 << 23  # entries of a sparse matrix made dense, fifty of FLAME's; a larger one is damaged or hostile


def _dtype(args: tuple, state: Any, items: list) -> np.dtype:
    text = args[0]
    if not (isinstance(text, str) and DTYPES.fullmatch(text)) or (state and (state[2] or state[3])):
        raise Refused(f"it has an array of type {text!r}; only plain numbers and text are read")
    dtype = np.dtype("O" if text.startswith("O") else text)
    return dtype.newbyteorder(state[1]) if state and state[1] in "<>" else dtype


def _array(args: tuple, state: Any, items: list) -> np.ndarray:
    shape, dtype, fortran, content = state[-4:]
    return _fill(content, dtype, shape, "F" if fortran else "C")


def _fill(content: Any, dtype: np.dtype, shape: tuple, order: str) -> np.ndarray:
    count = math.prod(shape)
    if dtype.hasobject:
        if len(content) != count:
            raise ValueError(f"an array of shape {shape} has {len(content)} objects")
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
        data = np.asarray(state["data"])
        if data.dtype.kind not in "biuf" or data.ndim != 1:
            raise ValueError(f"a sparse matrix has entries of type {data.dtype} and shape {data.shape}")
        if major is None:
            index = state["coords"] if "coords" in state else (state["row"], state["col"])
        else:
            counts = np.diff(state["indptr"])
            if len(counts) != shape[major] or (counts < 0).any() or counts.sum(dtype=np.float64) != len(data):
                raise ValueError(f"a sparse matrix of shape {shape} has rows that do not fit its {len(data)} entries")
            outer = np.repeat(np.arange(shape[major]), counts)
            index = (outer, state["indices"])[:: 1 if major == 0 else -1]
        if any(len(axis) and axis.min() < 0 for axis in index):
            raise ValueError("a sparse matrix has a negative index")
        dense = np.zeros(shape, dtype=data.dtype)
        np.add.at(dense, tuple(index), data)
        return dense

    return read


def _chumpy_select(args: tuple, state: Any, items: list) -> np.ndarray:
    chosen = np.asarray(state["a"]).ravel()[np.asarray(state["idxs"])]
    return chosen.reshape(state["preferred_shape"]) if "preferred_shape" in state else chosen


def _tensor(args: tuple, state: Any, items: list) -> np.ndarray:
    storage, offset, size, stride = args[:4]
    flat = torch.tensor([], dtype=storage.dtype).set_(storage)
    if math.prod(size) > len(flat):  # a stride of 0 would make much of little
        raise ValueError(f"a tensor of shape {size} has {len(flat)} numbers")
    tensor = torch.as_strided(flat, size, stride, offset)
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy().copy()


def _storage(args: tuple, state: Any, items: list) -> Any:
    check_torch(io.BytesIO(args[0]))
    try:
        return torch.load(io.BytesIO(args[0]), weights_only=True, map_location="cpu")
    except pickle.UnpicklingError:  # torch's own message would advise to switch its check off
        raise Refused("it holds a torch storage that is damaged or not only numbers; nothing was run") from None


def _latin1(args: tuple, state: Any, items: list) -> bytes:
    if args[1:] != ("latin1",):
        raise ValueError(f"bytes are written as {args[1:]}")
    return args[0].encode("latin1")


def _not_called(args: tuple, state: Any, items: list) -> Any:
    raise ValueError("a class that is only named is called")


READERS: dict[str, Callable[[tuple, Any, list], Any]] = {
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
