"""Files of CLIP's weights: OpenAI's and open_clip's, in the activation that each was trained with."""

import warnings
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from clipface import weights
from clipface.guidance.torchscript import is_torchscript, read_torchscript
from clipface.pickle_check import in_words

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
OPENAI_SIZES = {"input_resolution", "context_length", "vocab_size"}  # beside the weights in OpenAI's state dicts alone
WHAT = "guidance.weights"
PATCHES = "visual.conv1.weight"  # [width, 3, patch, patch]
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
        what = "is a folder; expected the file in it" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{WHAT}: {path} {what}{where(name, tag)}")
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{WHAT}: expected a .safetensors, .pt, .pth or .bin file, got {path.name}")
    try:
        state, openai = read_state(path)
    except ValueError as error:
        raise ValueError(f"{error}{where(name, tag)}") from error
    _check_size(name, path, state, tag)
    name, quick = _activation(name, path, state, openai)
    force = {} if quick is None else {"force_quick_gelu": quick}
    try:
        if not openai:
            return open_clip.create_model(name, pretrained=str(path), weights_only=True, **force)
        model = open_clip.create_model(name, **force)
        model.load_state_dict(state)
        return model
    except Exception as error:  # open_clip and torch complain of weights of another model in many ways
        raise ValueError(
            f"guidance.weights: {path} is cut off or not of {name} ({in_words(error)}){where(name, tag)}"
        ) from error


def _check_size(name: str, path: Path, state: Mapping[str, Tensor], tag: str | None) -> None:
    """Refuse what is no CLIP model with a vision transformer of this width and these patches, if the model has one."""
    import open_clip

    vision = open_clip.get_model_config(name)["vision_cfg"]
    expected = vision.get("width"), vision.get("patch_size")
    if None in expected or "timm_model_name" in vision or not isinstance(vision.get("layers"), int):
        return
    weight = state.get(PATCHES)
    if not isinstance(weight, Tensor) or weight.ndim != 4:
        got = f"{', '.join(map(str, list(state)[:3]))} …"
    elif (len(weight), weight.shape[-1]) != expected:
        got = f"width {len(weight)} and patches of {weight.shape[-1]}"
    else:
        return
    raise ValueError(
        f"guidance.weights: {path}: expected weights of {name}, of width {expected[0]} and patches of {expected[1]} "
        f"pixels, got {got}{where(name, tag)}"
    )


def _activation(name: str, path: Path, state: Mapping[str, Tensor], openai: bool) -> tuple[str, bool | None]:
    """The model's name and whether it has QuickGELU, for the weights of a file; None: as the name has it."""
    quick = True if openai else trained_quick(name, path)
    if quick is None:
        weight = state.get(PATCHES)
        if name.endswith(QUICK) and isinstance(weight, Tensor) and not weight.half().to(weight).equal(weight):
            warnings.warn(
                f"guidance.weights: {path.name} says not with which activation it was trained, and is not OpenAI's, "
                f"whose numbers are of half precision; it is read as {name}: of others keep the name that its folder "
                f"has on the model hub, or give guidance.model={name.removesuffix(QUICK)}",
                stacklevel=4,
            )
        return name, None
    if quick is False and name.endswith(QUICK):
        warnings.warn(
            f"guidance.model: {path.name} was trained without QuickGELU; read so, not as {name}", stacklevel=4
        )
    return (name if quick == name.endswith(QUICK) else name.removesuffix(QUICK)), quick


def read_state(path: Path) -> tuple[dict[str, Tensor], bool]:
    """Read a state dict, and whether it is OpenAI's: a TorchScript archive, or with the sizes that theirs have.

    Raises:
        ValueError: if it is cut off, no state dict, or holds NaN or infinity.
    """
    script = is_torchscript(path)
    if script:
        state = read_torchscript(path)
    elif path.suffix == ".safetensors":
        state = weights.load_tensors(path, WHAT)
    else:
        state = weights.load_pickled(path, WHAT, mapped=True)
        state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{WHAT}: {path} is cut off or not a state dict: expected tensors by name, got others")
    state = {str(name).removeprefix("module."): value for name, value in state.items()}
    weights.check_finite(state, f"{WHAT} {path}")
    openai = script or bool(OPENAI_SIZES & state.keys())
    if openai:
        state = {name: value.float() for name, value in state.items() if name not in OPENAI_SIZES}
    return state, openai


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
