"""The tensors of a TorchScript archive, such as OpenAI's CLIP files, read without loading or running its program."""

import io
import math
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipface.pickle_check import check_program
from clipface.weights import SHARED

MOST_PARTS = 100_000  # of a model; a file with more is damaged or hostile
_STORAGES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}  # fmt: skip


class _Module:
    """A module of the program: its attributes, by name, and nothing else of it."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.attributes = dict(state)


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive and not one of torch.save."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except Exception:  # no archive, or one whose directory is damaged: whoever reads it tells
        return False


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """Read a model's parameters and buffers as a state dict, floating ones as float32.

    Raises:
        ValueError: if the archive is damaged, or holds objects of other kinds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (data,) = (name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
            size, claimed = path.stat().st_size, archive.getinfo(data).file_size
            if claimed > size:
                raise ValueError(f"its program claims {claimed} bytes, the file has {size}")
            program = archive.read(data)
            check_program(program)
            model = _Unpickler(program, archive, data.removesuffix("data.pkl") + "data/", SHARED * size).load()
        if not isinstance(model, _Module):
            raise ValueError(f"expected a module, got {type(model).__name__}")
        state = {}
        for number, (name, value) in enumerate(_tensors(model, "")):
            if number >= MOST_PARTS:
                raise ValueError(f"expected at most {MOST_PARTS} tensors, got more")
            state[name] = value.float() if value.is_floating_point() else value
        return state
    except Exception as error:  # a damaged archive can fail in as many ways as zip, pickle and torch together
        words = str(error)[:200]
        raise ValueError(
            f"guidance.weights: {path} is cut off or no TorchScript archive of tensors ({words}); fetch it again"
        ) from error


def _tensors(module: _Module, prefix: str) -> Iterator[tuple[str, Tensor]]:
    for name, value in module.attributes.items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")


class _Unpickler(pickle.Unpickler):
    """Knows modules, tensors and plain values; every other name is refused."""

    def __init__(self, program: bytes, archive: zipfile.ZipFile, folder: str, room: int) -> None:
        super().__init__(io.BytesIO(program))
        self.archive, self.folder, self.room = archive, folder, room  # bytes that all tensors may take
        self.read: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return _Module
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) == _REBUILD:
            return self._rebuild
        if (module, name) not in _FUNCTIONS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused; nothing was run")
        return _FUNCTIONS[module, name]

    def persistent_load(self, pid: Any) -> Tensor:
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise pickle.UnpicklingError(f"expected a storage, got {kind!r}")
        if key not in self.read:
            entry = self.archive.getinfo(self.folder + key)
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != count * dtype.itemsize:
                raise pickle.UnpicklingError(f"storage {key}: expected {count} plain numbers")
            raw = bytearray(self.archive.read(entry))
            self.read[key] = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
        return self.read[key]

    def _rebuild(self, storage: Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> Tensor:
        count = math.prod(size)
        self.room -= count * storage.element_size()
        if count > len(storage) or self.room < 0:
            raise pickle.UnpicklingError(f"a tensor of shape {size} has {len(storage)} numbers, or too many share them")
        return torch.as_strided(storage, size, stride, offset).clone()  # refuses what lies past the storage


_REBUILD = ("torch._utils", "_rebuild_tensor_v2")
_FUNCTIONS = {
    ("collections", "OrderedDict"): dict,
    ("torch.jit._pickle", "build_intlist"): list,
    ("torch.jit._pickle", "build_doublelist"): list,
    ("torch.jit._pickle", "build_boollist"): list,
    ("torch.jit._pickle", "build_tensorlist"): list,
    ("torch.jit._pickle", "restore_type_tag"): lambda value, _: value,
}
