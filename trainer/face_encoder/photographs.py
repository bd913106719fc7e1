"""Labelled photographs: their labels, the textures baked from them, and the images themselves."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import binary_erosion, binary_fill_holes
from torch import Tensor

from clipface.data import MaskedFaces
from clipface.data.labels import sex_of, years_of
from clipface.data.textures import read_textures
from clipface.data.validation_photos import validation_photos
from clipface.files import read_table
from clipface.head import load_head
from clipface.synthetic.attributes import CHOICES, Attributes
from trainer.face_encoder.balance import even_weights, skin_group

OLD, GROWN = 58, 32  # years from which on words call a person old, and no longer young
SMILE = ("mouthSmileLeft", "mouthSmileRight")
# A fitted head's mean smile below and above which an expression that nobody labelled counts as known: of 80 neutral and
# 80 smiling photographs of the London set none is on the wrong side, of 139 portraits one in a hundred.
NEUTRAL_BELOW, SMILING_ABOVE = 0.06, 0.2
# What a photograph may hide: this value of an attribute is a mere absence, which nobody has labelled.
ABSENCES = {"beard": "none", "moustache": False, "freckles": False, "wrinkles": False, "tired": False, "scar": False,
            "makeup": "none", "lipstick": "none"}  # fmt: skip
MASKED = 127  # a mask above it shows the face
UNKNOWN_OF_TEXTURES = ("skin",)
UNKNOWN_OF_PHOTOGRAPHS = (*UNKNOWN_OF_TEXTURES, *ABSENCES, "eyes", "hair", "hair_colour")


class Label(NamedTuple):
    """Who is on a photograph, and what is known of the face."""

    file: str
    person: str
    face: Attributes
    expression_known: bool


def read_labels(
    paths: Sequence[str | Path], expressions: str | Path | None = None, years_added: Mapping[str, int] | None = None
) -> dict[str, Label]:
    """Read labels by file name.

    Rows without sex or age (also looked for in `prompt`: "a 48-year-old woman") are left out.

    Args:
        paths: of the tables of labels.
        expressions: of another table, for photographs whose expression the first ones leave empty.
        years_added: to the ages of files that lie in a folder, by its name: of those that are a network's guess.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a column is missing.
    """
    rows = [row for path in paths for row in read_table(path, ("file", "person", "age", "gender"), "labels")]
    more = {} if expressions is None else {
        row["file"]: row["expression"] for row in read_table(expressions, ("file", "expression"), "expressions")
    }  # fmt: skip
    found = {}
    for row in rows:
        expression = row.get("expression") or more.get(row["file"], "")
        label = _label(row, expression, (years_added or {}).get(row["file"].split("/")[0], 0))
        if label is not None:
            found[row["file"]] = label
    return found


def _label(row: dict[str, str], expression: str, years_added: int) -> Label | None:
    years, sex = years_of(row, years_added), sex_of(row)
    if years is None or not sex:
        return None
    group = "old" if years >= OLD else "adult" if years >= GROWN else "young"
    known = expression in CHOICES["expression"]
    face = Attributes(sex=sex, age=group, expression=expression if known else "neutral")
    return Label(row["file"], row["person"] or row["file"], face, known)


def with_smile(label: Label, smile: float) -> Label:
    """A label whose expression is unknown, with the one that a fitted head's smile leaves no doubt about."""
    if label.expression_known or NEUTRAL_BELOW <= smile <= SMILING_ABOVE:
        return label
    expression = "smiling" if smile > SMILING_ABOVE else "neutral"
    return label._replace(face=replace(label.face, expression=expression), expression_known=True)


def validation_people(labels: Mapping[str, Label]) -> set[str]:
    """People who are kept out of training: those of whom a photograph is on the project's list."""
    return {labels[file].person for file in validation_photos() if file in labels}


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
        found, strangers = [by_name.get(_plain_name(name)) for name in names], validation_people(labels)
        kept = [
            i for i, label in enumerate(found)
            if label and label.person not in strangers and label.face.expression != "smiling"
        ]  # fmt: skip
        if not kept:
            raise ValueError(
                f"photographs.textures: expected textures with a label, got none among {len(names)} in {folder}; see "
                "column file of the labels"
            )
        self.textures, self.labels = textures[kept], [found[i] for i in kept]
        middle = textures.shape[-1] // 4
        cells = [
            (label.face.sex, label.face.age, skin_group(texture[:, middle:-middle, middle:-middle].flatten(1).numpy()))
            for texture, label in zip(self.textures, self.labels, strict=True)
        ]
        self.weights = even_weights(cells)

    def sample(self, count: int, rng: random.Random) -> tuple[Tensor, list[Label]]:
        """Sample textures [count, 3, R, R] in 0..1, half of them mirrored, and their labels."""
        rows = rng.choices(range(len(self.labels)), self.weights, k=count)
        mirrored = torch.tensor([rng.random() < 0.5 for _ in rows]).view(-1, 1, 1, 1)
        textures = self.textures[rows].float() / 255
        return torch.where(mirrored, textures.flip(-1), textures), [self.labels[row] for row in rows]


class LabelledImages(NamedTuple):
    """Images with their labels."""

    images: Tensor  # [N, 4, S, S] uint8: colour on black, and mask
    labels: list[Label]
    weights: list[float]  # of drawing each

    def sample(self, count: int, rng: random.Random) -> tuple[Tensor, list[Label]]:
        """Sample images [count, 4, S, S] and their labels, evenly by age group, sex, skin and expression."""
        rows = rng.choices(range(len(self.labels)), self.weights, k=count)
        return self.images[rows], [self.labels[row] for row in rows]


def read_images(folder: str, labels: dict[str, Label], size: int, validation: bool) -> LabelledImages:
    """Read labelled photographs of a data set: each as it is, and once more as only the face on black.

    Args:
        folder: of the data set.
        labels: by the name of the photograph's file.
        size: side of the images, pixels.
        validation: people who are kept out of training (their full images only), or the others; the mouth's inside,
            which masks leave out, is shown: teeth tell a smile.
    """
    faces, images, found, cells = MaskedFaces(folder, size), [], [], []
    strangers = validation_people(labels)
    for index, source in enumerate(faces.sources or faces.names):
        label = labels.get(source)
        if label is None or (label.person in strangers) != validation:
            continue
        image, mask = (part.resize((size, size), Image.Resampling.BOX) for part in faces.images(index))
        colour = np.asarray(image)
        inside = binary_erosion(binary_fill_holes(np.asarray(mask) > MASKED))
        grey = np.where(inside, np.uint8(255), np.asarray(mask))[..., None]
        face = (colour.astype(np.uint16) * grey // 255).astype(np.uint8)
        shown = [(colour, np.full_like(grey, 255))] + ([] if validation else [(face, grey)])
        images += [np.concatenate(parts, 2).transpose(2, 0, 1) for parts in shown]
        found += [label] * len(shown)
        expression = label.face.expression if label.expression_known else ""
        skin = skin_group(colour[grey[..., 0] > MASKED].T)
        cells += [(label.face.sex, label.face.age, skin, expression)] * len(shown)
    if not found:
        raise ValueError(
            f"photographs.dataset: expected images with a label, got none in {folder}; see column file of the labels"
        )
    return LabelledImages(torch.from_numpy(np.stack(images)), found, even_weights(cells))


def tell_smiles(folder: str, labels: Mapping[str, Label]) -> dict[str, Label]:
    """Labels with the expressions that heads fitted to a data set's images tell, of people who may be trained on."""
    faces, strangers, found = MaskedFaces(folder, 1), validation_people(labels), dict(labels)
    names = list(load_head(faces.head).expression_names)
    if not set(SMILE) <= set(names):
        return found
    slots = [names.index(name) for name in SMILE]
    for index, source in enumerate(faces.sources or faces.names):
        if source in found and found[source].person not in strangers:
            smile = float(faces.parameters(index)["expression"][slots].mean())
            found[source] = with_smile(found[source], smile)
    return found


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
