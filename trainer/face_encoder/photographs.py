"""Labelled photographs: their labels, the textures baked from them, and the images themselves."""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface.data import MaskedFaces
from clipface.data.textures import read_textures
from clipface.files import read_table
from clipface.synthetic.attributes import CHOICES, Attributes

SEXES = {"female": "woman", "woman": "woman", "male": "man", "man": "man"}
OLD, GROWN = 58, 32  # years from which on words call a person old, and no longer young
VALIDATION = 5  # one person of so many is never trained on
# What a photograph may hide: this value of an attribute is a mere absence, which nobody has labelled.
ABSENCES = {"beard": "none", "moustache": False, "freckles": False, "wrinkles": False, "tired": False, "scar": False,
            "makeup": "none", "lipstick": "none"}  # fmt: skip
UNKNOWN_OF_TEXTURES = ("skin",)
UNKNOWN_OF_PHOTOGRAPHS = (*UNKNOWN_OF_TEXTURES, *ABSENCES, "eyes", "hair", "hair_colour")


class Label(NamedTuple):
    """Who is on a photograph, and what is known of the face."""

    person: str
    face: Attributes
    expression_known: bool


def read_labels(path: str | Path, expressions: str | Path | None = None) -> dict[str, Label]:
    """Read labels by file name.

    Rows without sex or age (also looked for in `prompt`: "a 48-year-old woman") are left out.

    Args:
        path: of the table of labels.
        expressions: of a second table, for photographs whose expression the first leaves empty.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a column is missing.
    """
    rows = read_table(path, ("file", "person", "age", "gender", "expression"), "labels")
    more = {} if expressions is None else {
        row["file"]: row["expression"] for row in read_table(expressions, ("file", "expression"), "expressions")
    }  # fmt: skip
    labels = {row["file"]: _label(row | {"expression": row["expression"] or more.get(row["file"], "")}) for row in rows}
    return {file: label for file, label in labels.items() if label is not None}


def _label(row: dict[str, str]) -> Label | None:
    prompted = re.search(r"(\d+)-year-old", row.get("prompt") or "")
    age, sex = row["age"] or (prompted[1] if prompted else ""), SEXES.get(row["gender"].lower())
    if not age.isdigit() or sex is None:
        return None
    years = int(age)
    group = "old" if years >= OLD else "adult" if years >= GROWN else "young"
    known = row["expression"] in CHOICES["expression"]
    face = Attributes(sex=sex, age=group, expression=row["expression"] if known else "neutral")
    return Label(row["person"] or row["file"], face, known)


def is_validation(person: str) -> bool:
    """Whether a person is kept out of training; depends on the name alone."""
    return int(hashlib.sha256(person.encode()).hexdigest(), 16) % VALIDATION == 0


def clear_unknown(
    values: Tensor, columns: dict[tuple, int], faces: Sequence[Attributes], unknown: Sequence[str]
) -> None:
    """Clear in values [N, values] what is not known of faces: all of `unknown`, and absences that were not painted."""
    for row, face in zip(values, faces, strict=True):
        for name in unknown:
            row[[columns[name, value] for value in CHOICES[name]]] = 0
        for name, absent in ABSENCES.items():
            if getattr(face, name) == absent:
                row[columns[name, absent]] = 0


class LabelledTextures:
    """Textures from photographs of people who may be trained on, each with the person's sex and age."""

    def __init__(self, folder: str, labels: dict[str, Label], size: int) -> None:
        """Read a folder; smiling people are left out, since a smile's shadows would lie on every expression."""
        names, textures = read_textures(folder, size)
        by_name = {_plain_name(file): label for file, label in labels.items()}
        found = [by_name.get(_plain_name(name)) for name in names]
        kept = [
            i for i, label in enumerate(found)
            if label and not is_validation(label.person) and label.face.expression != "smiling"
        ]  # fmt: skip
        if not kept:
            raise ValueError(
                f"photographs.textures: expected textures with a label, got none among {len(names)} in {folder}; see "
                "column file of the labels"
            )
        self.textures, self.labels = textures[kept], [found[i] for i in kept]

    def sample(self, count: int, rng: random.Random) -> tuple[Tensor, list[Label]]:
        """Sample textures [count, 3, R, R] in 0..1, half of them mirrored, and their labels."""
        rows = [rng.randrange(len(self.labels)) for _ in range(count)]
        mirrored = torch.tensor([rng.random() < 0.5 for _ in rows]).view(-1, 1, 1, 1)
        textures = self.textures[rows].float() / 255
        return torch.where(mirrored, textures.flip(-1), textures), [self.labels[row] for row in rows]


class LabelledImages(NamedTuple):
    """Images with their labels."""

    images: Tensor  # [N, 4, S, S] uint8: colour on black, and mask
    labels: list[Label]

    def sample(self, count: int, rng: random.Random) -> tuple[Tensor, list[Label]]:
        """Sample images [count, 4, S, S] and their labels."""
        rows = [rng.randrange(len(self.labels)) for _ in range(count)]
        return self.images[rows], [self.labels[row] for row in rows]


def read_images(folder: str, labels: dict[str, Label], size: int, validation: bool) -> LabelledImages:
    """Read labelled photographs of a data set: each as it is, and once more as only the face on black.

    Args:
        folder: of the data set.
        labels: by the name of the photograph's file.
        size: side of the images, pixels.
        validation: people who are kept out of training (their full images only), or the others.
    """
    faces, images, found = MaskedFaces(folder, size), [], []
    for index, source in enumerate(faces.sources or faces.names):
        label = labels.get(source)
        if label is None or is_validation(label.person) != validation:
            continue
        image, mask = (part.resize((size, size), Image.Resampling.BOX) for part in faces.images(index))
        colour, grey = np.asarray(image), np.asarray(mask)[..., None]
        face = (colour.astype(np.uint16) * grey // 255).astype(np.uint8)
        shown = [(colour, np.full_like(grey, 255))] + ([] if validation else [(face, grey)])
        images += [np.concatenate(parts, 2).transpose(2, 0, 1) for parts in shown]
        found += [label] * len(shown)
    if not found:
        raise ValueError(
            f"photographs.dataset: expected images with a label, got none in {folder}; see column file of the labels"
        )
    return LabelledImages(torch.from_numpy(np.stack(images)), found)


def attributes_of(label: Label, painted: Attributes) -> Attributes:
    """Attributes to paint over a person's skin: `painted`, with the person's own sex and age."""
    man = label.face.sex == "man"
    return replace(
        painted,
        sex=label.face.sex,
        age=label.face.age,
        wrinkles=painted.wrinkles and label.face.age == "old",
        beard=painted.beard if man else "none",
        moustache=painted.moustache and man,
    )


def _plain_name(name: str) -> str:
    """A name without its suffix, or the digits that a data set adds, and with _ for all but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(\.\w+|-[0-9a-f]{8})$", "", name.lower()))
