"""The one way weights are written and read: safetensors, with their configuration as JSON beside them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from clipface.files import replacing, write_atomic


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
        save_file(kept, partial)
        described = write_atomic(path.with_suffix(".json"), json.dumps(dict(config), indent=1) + "\n")
        partial.chmod(described.stat().st_mode)  # safetensors makes files that only their owner can read
    return path


def load(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Read what `save` wrote.

    Returns:
        Tensors by name (CPU, floating ones as float32) and the configuration.

    Raises:
        FileNotFoundError: if the weights or their `.json` are missing.
        ValueError: if either file is cut off or not of its format.
    """
    path, config = Path(path), load_config(path)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"weights: {path} is cut off or not safetensors ({error}); fetch or write it again") from error
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}, config


def load_config(path: str | Path) -> dict:
    """Read the configuration beside weights that `save` wrote, but not the weights.

    Raises:
        FileNotFoundError: if the weights or their `.json` are missing.
        ValueError: if the `.json` is cut off or not JSON.
    """
    path = Path(path)
    described = path.with_suffix(".json")
    for file in (path, described):
        if not file.is_file():
            raise FileNotFoundError(f"weights: {file} does not exist; a .safetensors file has a .json beside it")
    try:
        return json.loads(described.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"weights: {described} is not valid JSON ({error}); fetch or write it again") from error


def check_keys(expected: Iterable[str], given: Iterable[str], what: str) -> None:
    """Raise a ValueError that lists the names missing from, and the names foreign to, a set of weights."""
    expected, given = set(expected), set(given)
    missing, foreign = sorted(expected - given), sorted(given - expected)
    if missing or foreign:
        raise ValueError(f"{what}: names of weights do not fit; missing: {_few(missing)}; not known: {_few(foreign)}")


def load_into(module: torch.nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Load tensors into a module, naming what is missing, foreign or of another shape."""
    own = module.state_dict()
    check_keys(own, tensors, what)
    for name, value in tensors.items():
        if value.shape != own[name].shape:
            raise ValueError(f"{what}: {name}: expected shape {tuple(own[name].shape)}, got {tuple(value.shape)}")
    module.load_state_dict(dict(tensors))


def _few(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"
