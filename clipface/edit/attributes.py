"""Edits that need no training: looks of the shipped generator, as offsets of its style code.

They were trained with the generator (trainer/texture_gan/extra_losses.py). A look edits every face by the same
offset; its name can stand where a mapper's file could: `look:zombie`, `look:red_lipstick`.
"""

from pathlib import Path

from torch import Tensor

from clipface import assets, weights
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.origin import check_origin
from clipface.shapes import expect

REMEDY = "train looks by `python -m trainer.texture_gan`, or take the file away"
PREFIX = "look:"
LOOKS_FILE = "looks.safetensors"  # beside the generator that they were trained with
# Offsets that change next to nothing: their training compares texels, and fine lines lie elsewhere each time.
FAINT = ("freckles", "scar")
_NAMES = {"makeup": "{}_makeup", "lipstick": "{}_lipstick", "hair_colour": "{}_hair", "eyes": "{}_eyes"}


def is_look(path: str | Path) -> bool:
    """Whether a mapper's place names a look instead of a file."""
    return str(path).startswith(PREFIX)


def look_offsets() -> dict[str, Tensor]:
    """Read the looks by name, in the order in which they were trained: offsets [L, dim] of w+.

    Raises:
        FileNotFoundError, ValueError: if the file is missing or damaged.
    """
    path = assets.resolve("looks")
    tensors, names = weights.load(path)[0], list(look_options())
    weights.check_keys(("offsets",), tensors, f"looks {path}")
    offsets = tensors["offsets"].float()
    expect(f"looks {path}: offsets", offsets, (len(names), "L", "dim"))
    return dict(zip(names, offsets, strict=True))


def look_options() -> dict[str, tuple[str, object]]:
    """Read which attribute and value each look stands for, by its name."""
    path = assets.resolve("looks")
    options = weights.load_config(path).get("options")
    fits = isinstance(options, list) and all(isinstance(each, list) and len(each) == 2 for each in options)
    if not fits or not all(isinstance(name, str) and isinstance(value, str | bool) for name, value in options):
        raise ValueError(f"looks {path}: options: expected pairs of an attribute and its value, got others; {REMEDY}")
    return {option_name(*option): tuple(option) for option in options}


def shipped_generator() -> bool:
    """Whether `assets` names the generator that looks were trained on, not one that a user put in its place."""
    return assets.resolve("looks").parent == assets.resolve("generator").parent


def known_start(start: str, prompt: str | None) -> str:
    """Where a mapper begins: `known` is the look that the prompt is named after, or else "zero"; any other stays.

    Args:
        start: `init_from` of a run's configuration.
        prompt: its name; None where no look fits: another generator, or no edit of the texture.
    """
    if start != "known":
        return start
    visible = shipped_generator() and prompt in look_offsets() and prompt not in FAINT
    return PREFIX + prompt if visible else "zero"


def look_offset(path: str | Path, avatar: Avatar) -> Tensor:
    """Read the offsets [L, dim] of w+ of one look.

    Args:
        path: `look:` and a name.
        avatar: whose generator they were trained with.

    Raises:
        ValueError: if there is no such look, or they are of another generator.
    """
    offsets, name = look_offsets(), str(path).removeprefix(PREFIX)
    if name not in offsets:
        raise ValueError(f"mapper: expected {PREFIX} and one of {', '.join(offsets)}, got {str(path)!r}")
    notes = weights.load_config(assets.resolve("looks"))
    check_origin(f"{path} of {assets.resolve('looks')}", notes, avatar, "train a mapper instead, or looks with it")
    return offsets[name]


def look_mapper(path: str | Path, avatar: Avatar) -> FaceMapper:
    """Build a mapper (CPU, evaluation mode) that gives any face a look; arguments and errors as of `look_offset`."""
    offset = look_offset(path, avatar)
    levels, dim = avatar.generator.levels, avatar.generator.config["w_dim"]
    expect(f"{path} of {assets.resolve('looks')}", offset, (levels, dim))
    mapper = FaceMapper(*offset.shape, n_expression=0, layers=1, expression=False)
    mapper.texture.start_at(offset)
    return mapper.eval()


def option_name(attribute: str, value: object) -> str:
    """What users call it: `zombie`, `old`, `beard`; a value that would be unclear says of what: `red_lipstick`."""
    return attribute if value is True else _NAMES.get(attribute, "{}").format(value)
