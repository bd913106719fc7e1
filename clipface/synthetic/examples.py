"""Painted faces for a data set, and examples of everything that can be painted."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from clipface.data import FaceBatch
from clipface.synthetic.attributes import CHOICES, LOOK_SEX, LOOKS, Attributes
from clipface.synthetic.faces import PaintedFaces

BATCH = 32
EXAMPLE_COLUMNS = 10
EXAMPLE_ZOOM = (1.2, 1.2)  # the face larger, the neck cut
EXAMPLE_YAW = 20.0  # degrees
SKINS = ("fair", "brown", "pale", "olive", "dark")
ORDINARY = (  # the examples' first row
    {"sex": "woman", "age": "young", "skin": "fair", "eyes": "blue"},
    {"sex": "man", "skin": "olive", "eyes": "green", "hair_colour": "black", "beard": "stubble"},
    {"sex": "woman", "skin": "dark", "hair_colour": "black"},
    {"sex": "man", "age": "young", "skin": "tan", "hair": "buzz", "hair_colour": "black", "beard": "goatee",
     "moustache": True},
    {"sex": "woman", "age": "young", "skin": "pale", "eyes": "green", "hair_colour": "red"},
    {"sex": "man", "skin": "brown", "hair": "bald", "hair_colour": "black", "beard": "beard", "moustache": True},
    {"sex": "woman", "age": "young", "skin": "tan", "eyes": "hazel", "hair_colour": "black"},
    {"sex": "man", "skin": "pale", "eyes": "blue", "hair_colour": "blond", "beard": "beard", "moustache": True},
    {"sex": "woman", "age": "old", "skin": "fair", "eyes": "grey", "hair_colour": "white", "wrinkles": True},
    {"sex": "man", "age": "old", "skin": "olive", "hair": "bald", "hair_colour": "grey", "beard": "beard",
     "moustache": True},
)  # fmt: skip
ADORNED = (  # and their third
    {"age": "young", "skin": "pale", "eyes": "green", "freckles": True, "hair_colour": "red"},
    {"age": "old", "wrinkles": True, "hair_colour": "grey"},
    {"sex": "man", "age": "old", "skin": "brown", "wrinkles": True, "hair": "bald", "hair_colour": "white",
     "beard": "beard"},
    {"sex": "man", "tired": True, "scar": True},
    {"age": "young", "eyes": "blue", "lipstick": "red", "hair_colour": "blond"},
    {"age": "young", "skin": "tan", "makeup": "natural", "hair_colour": "black"},
    {"age": "young", "skin": "pale", "eyes": "blue", "makeup": "party"},
    {"age": "young", "skin": "dark", "makeup": "party", "hair_colour": "black"},
    {"age": "young", "skin": "pale", "eyes": "grey", "makeup": "gothic", "hair_colour": "black"},
    {"sex": "man", "age": "young", "eyes": "blue", "makeup": "gothic", "hair_colour": "black"},
)  # fmt: skip


def painted_batches(
    painter: PaintedFaces, count: int, size: int, max_yaw: float, seed: int, attributes: Mapping[str, object]
) -> Iterator[tuple[FaceBatch, list[str]]]:
    """Paint faces on white, batch by batch, as `clipface.data.write_faces` takes them.

    Args:
        painter: of the head.
        count: how many in all.
        size: side of the images, pixels.
        max_yaw: of the views, degrees (see `PaintedFaces.sample`).
        seed: of everything.
        attributes: values that every face shall have.

    Yields:
        Faces, their images in [-1, 1], and their captions.
    """
    generator = torch.Generator().manual_seed(seed)
    for start in range(0, count, BATCH):
        painted = painter.sample(min(BATCH, count - start), generator, size, max_yaw, 1.0, attributes)
        yield FaceBatch(
            painted.image * 2 - 1, painted.mask, painted.shape, painted.expression, painted.pose, painted.camera,
            painted.neck_pose, painted.eye_pose,
        ), painted.captions  # fmt: skip


def example_images(painter: PaintedFaces, size: int, seed: int) -> Tensor:
    """Render the examples: [N, 3, size, size] in 0..1 on the CPU."""
    faces = example_faces()
    generator = torch.Generator().manual_seed(seed)
    images = []
    for start in range(0, len(faces), EXAMPLE_COLUMNS):
        part = faces[start : start + EXAMPLE_COLUMNS]
        batch = painter.sample(len(part), generator, size, EXAMPLE_YAW, 1.0, part, zoom=EXAMPLE_ZOOM)
        images.append(batch.image.cpu())
    return torch.cat(images)


def example_faces() -> list[Attributes]:
    """A row of ordinary faces, one of expressions, one of age and make-up, then every look, ten in each row."""
    expressions = [name for name in CHOICES["expression"] if name != "neutral"]
    moods = [
        Attributes("woman" if i % 2 else "man", "adult", SKINS[i % 5], hair_colour="black", expression=name)
        for i, name in enumerate(expressions)
    ]
    looks = [
        Attributes(LOOK_SEX.get(name, "man"), "adult", SKINS[i % 4], look=name) for i, name in enumerate(LOOKS[1:])
    ]
    both = [
        Attributes("woman", look="zombie", expression="angry"),
        Attributes("man", look="clown", expression="laughing"),
    ]
    ordinary, adorned = ([Attributes(**face) for face in row] for row in (ORDINARY, ADORNED))
    return [*ordinary, *moods, *adorned, *looks, *both]
