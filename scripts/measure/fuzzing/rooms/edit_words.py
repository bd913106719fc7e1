"""Edits by words and by names: the text mapper, looks."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from clipface import weights
from clipface.assets import FOLDER_VARIABLE
from clipface.edit.attributes import look_mapper, look_options
from clipface.edit.options import edit_of_words
from clipface.edit.text_edits import text_edit
from clipface.edit.text_mapper import TextMapper
from clipface.guidance.sentences import Projection, projection_file, save_projection

from .. import lies, tiny
from ..reader import NOTES, Reader
from ..tiny import DIM, LEVELS
from .guidance import write_encoder

INSTALLED, FEATURES = 384, 16  # of the sentence encoder that is installed, and of the tiny face encoder
_kept = TemporaryDirectory(prefix="fuzzing_")  # until this process ends


@contextmanager
def _as_data(folder: Path) -> Iterator[None]:
    """Have assets of this folder for a while."""
    before = dict(os.environ)
    os.environ[FOLDER_VARIABLE] = str(folder)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@cache
def _encoder() -> Path:
    """A face encoder, and a projection to it of the sentence encoder that is installed."""
    path = Path(_kept.name) / "face.safetensors"
    write_encoder(path)
    save_projection(projection_file(path), Projection(INSTALLED, 8, FEATURES), path)
    return path


def _text_mapper(path: Path) -> None:
    """A text mapper of the tiny generator and head, and the encoder that it names."""
    guidance = {"model": "face_encoder", "weights": str(_encoder()), "text": "words", "also": []}
    TextMapper(LEVELS, DIM, 6, 4, features=FEATURES, hidden=8, codes=4, rank=2).save(
        path, guidance=guidance, **tiny.avatar().origin
    )


def _edited(path: Path) -> object:
    with _as_data(path.parent):
        try:
            words = edit_of_words("a zombie")
        except argparse.ArgumentTypeError as error:  # of which argparse makes a line
            raise ValueError(str(error)) from error
        return text_edit(words, tiny.avatar())


def _looks(path: Path) -> None:
    offsets = {"offsets": torch.zeros(2, LEVELS, DIM)}
    weights.save(path, offsets, {"options": [["zombie", True], ["age", "old"]], **tiny.avatar().origin})


def _look(path: Path) -> object:
    with _as_data(path.parent):
        return [look_mapper(f"look:{name}", tiny.avatar()) for name in look_options()]


READERS = (
    Reader("text mappers", "text_mapper.safetensors", _text_mapper, _edited, lies.tensors, NOTES),
    Reader("looks", "looks.safetensors", _looks, _look, lies.tensors, NOTES),
)
