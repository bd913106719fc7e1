"""One option of the painter over many faces: what a texture generator learns a look's offset from."""

import torch
from torch import Tensor

from clipface.synthetic.attributes import Attributes
from clipface.synthetic.looks.registry import OPTIONS
from clipface.synthetic.painter import Painter

_OWN = ("eyes", "hair_colour")  # what a face keeps unless it is the option


def paint_option(painter: Painter, option: int, bases: Tensor, seed: int, alike: bool = True) -> Tensor:
    """Paint one option over plain bald faces.

    Args:
        painter: of the textures' UV layout and resolution R.
        option: index into `clipface.synthetic.looks.registry.OPTIONS`.
        bases: [N, 3, R, R] in 0..1, light included, row 0 the top.
        seed: of the pattern.
        alike: one pattern, and the option's usual colours, for all bases; else patterns and colours vary by the seed
            and from face to face.

    Returns:
        [N, 3, R, R] in 0..1.
    """
    generator = torch.Generator(bases.device).manual_seed(seed * len(OPTIONS) + option)
    keep = [name for name in _OWN if name != OPTIONS[option][0]]
    faces = [option_attributes(option)] * len(bases)
    return painter.paint(faces, generator, bases, alike=alike, keep=keep)


def option_attributes(option: int) -> Attributes:
    """A plain bald face with one option; a goatee and a full beard have their moustache."""
    name, value = OPTIONS[option]
    bearded = name == "beard" and value != "stubble"
    return Attributes(**{"hair": "bald", "moustache": bearded, name: value})
