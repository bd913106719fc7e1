"""Edits by any words, without training: `text:an old man with a beard` can stand where a mapper's file could."""

from functools import lru_cache
from pathlib import Path

from clipface import assets, weights
from clipface.documents import made
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.origin import check_origin
from clipface.edit.text_mapper import TextMapper
from clipface.guidance import Encoder, load_encoder
from clipface.guidance.edit_text import read_edit
from clipface.guidance.text_check import as_installed
from clipface.settings import TEXT_PREFIX, GuidanceConfig


def is_text(path: str | Path) -> bool:
    """Whether a mapper's place is words instead of a file."""
    return str(path).startswith(TEXT_PREFIX)


def text_edit(path: str | Path, avatar: Avatar) -> FaceMapper:
    """Build a mapper (on the avatar's device, evaluation mode) that does what words say.

    Args:
        path: `text:` and the words, such as `text:a slightly old man without a beard`.
        avatar: whose generator and head the text mapper was trained with.

    Raises:
        FileNotFoundError, ValueError: if there is no text mapper for this generator, or its encoder is missing.
    """
    guidance, device = text_guidance(avatar), avatar.head.v_template.device
    place = assets.resolve("text_mapper")
    mapper = _text_mapper(place, place.stat().st_mtime_ns)
    try:
        encoder = _encoder(guidance)
    except ValueError as error:
        raise ValueError(f"text mapper {place}: {error}") from error
    wanted, unwanted = read_edit(str(path).removeprefix(TEXT_PREFIX)).directions(encoder.encode_text)
    if len(wanted) != mapper.config["features"]:
        raise ValueError(
            f"text mapper {place}: expected an encoder of {mapper.config['features']} "
            f"features, got {guidance.model} of {len(wanted)}; give the encoder that it was trained with"
        )
    return mapper.to(device).for_text(wanted.to(device), unwanted.to(device))


def text_guidance(avatar: Avatar) -> GuidanceConfig:
    """The encoder that reads the words of text edits; with its sentence encoder where that is installed.

    Raises:
        FileNotFoundError, ValueError: if there is no text mapper for this avatar.
    """
    place = assets.resolve("text_mapper")
    notes = weights.load_config(place)
    check_origin(f"text mapper {place}", notes, avatar, "train another by `python -m trainer.text_mapper`")
    return as_installed(made(GuidanceConfig, notes.get("guidance"), f"text mapper {place}: guidance"))


@lru_cache(1)
def _text_mapper(place: Path, written: int) -> TextMapper:
    """The network, kept for the next text until its file is written anew."""
    return TextMapper.from_weights(place)[0].eval().requires_grad_(False)


_kept: dict[str, Encoder] = {}


def _encoder(guidance: GuidanceConfig) -> Encoder:
    """The encoder, kept for the next text: loading it takes longer than all the rest."""
    if str(guidance) not in _kept:
        _kept.clear()
        _kept[str(guidance)] = load_encoder(guidance)
    return _kept[str(guidance)]
