"""Files of CLIP's weights: OpenAI's and open_clip's, in the activation that each was trained with."""

import pickle
import warnings
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from clipface.guidance.torchscript import is_torchscript, read_torchscript

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
OPENAI_SIZES = {"input_resolution", "context_length", "vocab_size"}  # beside the weights in OpenAI's state dicts alone
READING_ERRORS = (
    SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, KeyError, StopIteration, OSError, ValueError,
)  # fmt: skip
QUICK = "-quickgelu"  # ends open_clip's names of models with the cheaper activation


def read_clip(name: str, path: Path, tag: str | None = None) -> nn.Module:
    """Read a model of open_clip from a file; nothing in the file is run.

    Args:
        name: of the model, as open_clip has it.
        path: OpenAI's TorchScript archive (`ViT-B-32.pt`), a state dict, or open_clip's `.safetensors` or `.bin`.
        tag: of the weights as open_clip has it, for the message if the file is missing.

    Raises:
        FileNotFoundError: if the file is missing; says which one to take from where.
        ValueError: if it is cut off, or not of this model.
    """
    import open_clip

    if not path.is_file():
        raise FileNotFoundError(f"guidance.weights: {path} does not exist{where(name, tag)}")
    if path.suffix not in SUFFIXES:
        raise ValueError(f"guidance.weights: expected a .safetensors, .pt, .pth or .bin file, got {path.name}")
    try:
        state = openai_state(path)
    except READING_ERRORS as error:
        raise ValueError(f"guidance.weights: {path} is cut off or not a state dict: {str(error)[:300]}") from error
    quick = True if state else trained_quick(name, path)
    if quick is not None and quick != name.endswith(QUICK):
        if quick is False:
            warnings.warn(
                f"guidance.model: {path.name} was trained without QuickGELU; read so, not as {name}", stacklevel=3
            )
        name = name.removesuffix(QUICK)
    force = {} if quick is None else {"force_quick_gelu": quick}
    try:
        if state is None:
            return open_clip.create_model(name, pretrained=str(path), weights_only=True, **force)
        model = open_clip.create_model(name, **force)
        model.load_state_dict(state)
        return model
    except READING_ERRORS as error:
        raise ValueError(
            f"guidance.weights: {path} is cut off, not a state dict, or not of {name}: {str(error)[:300]}"
        ) from error


def openai_state(path: Path) -> dict[str, Tensor] | None:
    """Read OpenAI's weights: a TorchScript archive, or a state dict with the sizes that theirs have; None: others."""
    if is_torchscript(path):
        return {name: value for name, value in read_torchscript(path).items() if name not in OPENAI_SIZES}
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            if not OPENAI_SIZES & set(file.keys()):
                return None
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not OPENAI_SIZES & state.keys():
        return None
    return {name: value.float() for name, value in state.items() if name not in OPENAI_SIZES}


def trained_quick(name: str, path: Path) -> bool | None:
    """Whether the weights of a file were trained with QuickGELU, by its name or its folder's on the model hub.

    Returns:
        None: the name does not tell; then the model's name has to.
    """
    import open_clip

    base = name.removesuffix(QUICK)
    for tag in open_clip.list_pretrained_tags_by_model(base):
        known = open_clip.get_pretrained_cfg(base, tag) or {}
        hub, url = (known.get(key) or "" for key in ("hf_hub", "url"))
        repository = hub.strip("/").split("/")[-1].lower()
        if (repository and repository in str(path).lower()) or (url and Path(url).name == path.name):
            return bool(known.get("quick_gelu"))
    return None


def where(name: str, tag: str | None) -> str:
    """Which file of a model's weights to take from where, as the end of a message."""
    import open_clip

    known = open_clip.get_pretrained_cfg(name, tag) if tag else None
    known = known or (open_clip.get_pretrained_cfg(name.removesuffix(QUICK), tag) if tag else None) or {}
    places = []
    if known.get("url"):
        places.append(f"{Path(known['url']).name} from {known['url']}")
    if known.get("hf_hub"):
        places.append(f"open_clip_model.safetensors of {known['hf_hub'].strip('/')} on the Hugging Face hub")
    return f"; take {' or '.join(places)}" if places else ""
