"""Attribute vectors: what is painted over a face as numbers for networks, one entry for each thing that can be."""

from collections.abc import Sequence

import torch
from torch import Tensor

from clipface.synthetic.attributes import CHOICES, Attributes
from clipface.synthetic.looks.registry import LOOKS

_FLAGS = ("moustache", "freckles", "wrinkles", "tired", "scar")
_KINDS = ("look", "beard", "makeup", "lipstick")  # the first of each is "none"
_COLOURS = ("hair_colour", "eyes")
OPTIONS: tuple[tuple[str, object], ...] = (
    *((name, value) for name in _KINDS for value in CHOICES[name][1:]),
    *((name, True) for name in _FLAGS),
    ("age", "old"),
    *((name, value) for name in _COLOURS for value in CHOICES[name]),
)


def attribute_vectors(faces: Sequence[Attributes]) -> Tensor:
    """Return the attribute vectors of painted faces.

    Args:
        faces: N faces.

    Returns:
        [N, len(OPTIONS)] float32: 1 for what a face shows, 0 for what it does not, or what its look hides.
    """
    return torch.tensor([[float(_shows(face, *option)) for option in OPTIONS] for face in faces])


def _shows(face: Attributes, name: str, value: object) -> bool:
    if getattr(face, name) != value:
        return False
    look = LOOKS.get(face.look)
    if name == "hair_colour":
        kind = look.hair_kind if look and look.hair_kind else face.hair
        return kind != "bald" and not (look and look.hair)
    return not (name == "eyes" and look and look.iris)
