"""The one way weights are written and read: safetensors, with their configuration as JSON beside them."""

import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.overrides import TorchFunctionMode

from clipface.documents import read_json
from clipface.files import regular, replacing, write_atomic
from clipface.pickle_check import check_torch, in_words

SHARED = 8  # times that tensors of a file, which may share memory, are larger than it
_BESIDE = "a .safetensors file has a .json beside it"
_Module = TypeVar("_Module", bound=torch.nn.Module)


def save(path: str | Path, tensors: Mapping[str, Tensor], config: Mapping, half: bool = False) -> Path:
    """Write tensors to `path` and the configuration to the `.json` file beside it, each atomic.

    Args:
        path: file ending in `.safetensors`; its folder is made if missing.
        tensors: tensors by name, on any device.
        config: plain values (numbers, strings, lists, dicts) from which the network can be rebuilt.
        half: store floating tensors as float16.

    Returns:
        The path of the weights.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"path: expected a file ending in .safetensors, got {path.name!r}")
    kept = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu()
        kept[name] = (tensor.half() if half and tensor.is_floating_point() else tensor).contiguous().clone()
    with replacing(path) as partial:
        try:
            save_file(kept, partial)
        except SafetensorError as error:  # a full disk, mostly
            raise OSError(f"weights: {path} cannot be written ({error})") from error
        described = write_atomic(path.with_suffix(".json"), json.dumps(_finite(dict(config)), indent=1) + "\n")
        partial.chmod(described.stat().st_mode)  # safetensors makes files that only their owner can read
    return path


def _finite(value: object) -> object:
    """A configuration in which numbers that JSON does not have, such as a score that was never measured, are null."""
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Read what `save` wrote.

    Returns:
        Tensors by name (CPU, floating ones as float32) and the configuration.

    Raises:
        FileNotFoundError: if the weights or their `.json` are missing.
        ValueError: if either file is cut off or not of its format, or a weight is not a finite number.
    """
    config = load_config(path)
    return load_tensors(path), config


def load_tensors(path: str | Path, what: str = "weights") -> dict[str, Tensor]:
    """Read a `.safetensors` file that need not have a configuration beside it.

    Args:
        path: of the file.
        what: it is to the user, for the messages.

    Returns:
        Tensors by name (CPU, floating ones as float32).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is cut off or not of its format, or a weight is not a finite number.
    """
    path = regular(path, what)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{what}: {path} is cut off or not safetensors ({error}); fetch or write it again") from error
    tensors = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    check_finite(tensors, f"{what} {path}")
    return tensors


def load_pickled(path: str | Path, what: str, remedy: str = "fetch or write it again", mapped: bool = False) -> Any:
    """Read a file of `torch.save`: tensors and plain containers, without running anything in it.

    Args:
        path: of the file.
        what: it is to the user, for the messages.
        remedy: what to do about a missing or damaged file.
        mapped: whether tensors may stay in the file until they are used.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is cut off, holds anything but tensors, or tensors that claim more than is there.
    """
    path = regular(path, what, remedy)
    try:
        with path.open("rb") as file:
            check_torch(file)
        mapped = mapped and zipfile.is_zipfile(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        room = SHARED * path.stat().st_size
        for tensor in tensors_in(content):
            _check_tensor(tensor)
            room -= tensor.numel() * tensor.element_size()
        if room < 0:
            raise ValueError(f"its tensors are more than {SHARED} times as large as the file")
    except Exception as error:  # torch's reader fails in as many ways as zip, pickle and its own code together
        why = in_words(error)
        held = "is cut off or holds more than tensors, so it is not read"
        raise ValueError(f"{what}: {path} {held} ({why}); {remedy}") from error
    return content


def tensors_in(content: Any) -> Iterator[Tensor]:
    """All tensors in dicts and lists, which may be shared, once each."""
    met, waiting = set(), [content]
    while waiting:
        given = waiting.pop()
        if id(given) in met:
            continue
        met.add(id(given))
        if isinstance(given, Tensor):
            yield given
        elif isinstance(given, Mapping):
            waiting += given.values()
        elif isinstance(given, list | tuple):
            waiting += given


def _check_tensor(tensor: Tensor) -> None:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        raise ValueError(f"it has a tensor of the kind {tensor.layout}, {tensor.dtype}")
    if tensor.numel() > tensor.untyped_storage().nbytes() // tensor.element_size():
        raise ValueError(f"it has a tensor of shape {tuple(tensor.shape)} and fewer numbers")


def load_config(path: str | Path) -> dict:
    """Read the configuration beside weights that `save` wrote, but not the weights.

    Raises:
        FileNotFoundError: if the weights or their `.json` are missing.
        ValueError: if the `.json` is cut off or not JSON, or either is no regular file.
    """
    path = regular(path, "weights", _BESIDE)
    described = regular(path.with_suffix(".json"), "weights", _BESIDE)
    return read_json(described, "weights", "fetch or write it again")


def check_keys(expected: Iterable[str], given: Iterable[str], what: str) -> None:
    """Raise a ValueError that lists the names missing from, and the names foreign to, a set of weights."""
    expected, given = set(expected), set(given)
    missing, foreign = sorted(expected - given), sorted(given - expected)
    if missing or foreign:
        raise ValueError(f"{what}: names of weights do not fit; missing: {_few(missing)}; not known: {_few(foreign)}")


def check_finite(tensors: Mapping[str, Tensor], what: str) -> None:
    """Raise a ValueError that names the first of some tensors with NaN or infinity."""
    for name, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(f"{what}: {name}: expected finite numbers, got NaN or infinity; fetch or write it again")


def build(
    make: Callable[..., _Module],
    config: object,
    tensors: Mapping[str, Tensor],
    what: str,
    part: Callable[[_Module], torch.nn.Module] = lambda module: module,
) -> _Module:
    """Build a network from the configuration beside its weights, and load them.

    The sizes that a configuration claims are compared with the weights before they cost memory.

    Args:
        make: the network's class.
        config: its arguments by name.
        tensors: its weights.
        what: the file, for the messages.
        part: of the network, to which the weights belong.

    Raises:
        ValueError: if the configuration does not describe such a network, or not these weights.
    """
    if not isinstance(config, Mapping):
        raise ValueError(f"{what}: expected a configuration by name, got {type(config).__name__}")
    try:
        with torch.device("meta"), _Unfilled():
            planned = make(**config)
        check_shapes(part(planned), tensors, what)
        module = make(**config)
    except Exception as error:  # a constructor fails in as many ways as its arguments can be wrong
        if str(error).startswith(what):
            raise
        name = getattr(make, "__name__", "network")
        words = str(error)[:300] or type(error).__name__
        raise ValueError(f"{what}: expected the configuration of a {name}, got another ({words})") from error
    part(module).load_state_dict(dict(tensors))
    return module


class _Unfilled(TorchFunctionMode):
    """Neither samples nor scales numbers of new tensors: on the meta device that loads torch's compiler, for 3 s."""

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function is torch.randn:
            return torch.empty(*args, **(kwargs or {}))
        if function is torch.Tensor.div and isinstance(args[1], (int, float)):
            return args[0]
        return function(*args, **(kwargs or {}))


def check_shapes(module: torch.nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Raise a ValueError that says which tensors a module lacks, does not know, or has in another shape."""
    own = module.state_dict()
    check_keys(own, tensors, what)
    for name, value in tensors.items():
        if value.shape != own[name].shape or value.is_complex():
            raise ValueError(f"{what}: {name}: expected shape {tuple(own[name].shape)}, got {tuple(value.shape)}")


def load_into(module: torch.nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Load tensors into a module, naming what is missing, foreign or of another shape."""
    check_shapes(module, tensors, what)
    module.load_state_dict(dict(tensors))


def _few(names: list[str], most: int = 5) -> str:
    return (", ".join(names[:most]) or "none") + (f" and {len(names) - most} more" if len(names) > most else "")
