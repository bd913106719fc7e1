"""Photographs of a person, read, edited and written."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import vertices_of
from clipface.bake.head_fit import HeadFit
from clipface.edit.apply import EditedFaces
from clipface.edit.avatar import Avatar
from clipface.edit.into_photo.compose import HeadState, IntoPhoto
from clipface.edit.mapper import Codes
from clipface.edit.persons.person import Person
from clipface.export.edited_image import JPEG_SUFFIXES, write_edited_image
from clipface.images import read_photograph


def write_into_photos(
    avatar: Avatar,
    person: Person,
    photos: Sequence[Path],
    names: Sequence[str],
    textures: tuple[Tensor, Tensor],
    edited: EditedFaces,
    folder: Path,
) -> Iterator[tuple[Path, np.ndarray, np.ndarray]]:
    """Put an edited person back into the photographs that it was made from.

    Args:
        avatar: whose head and renderer are used.
        person: made from the photographs.
        photos: P files, in the person's order.
        names: NAME of each.
        textures: of the person before and after the edit, [1, 3, S, S] in 0..1.
        edited: the edited face, whose codes moved away from the person's.
        folder: gets `NAME_edited.jpg` of each JPEG and `NAME_edited.png` of any other photograph.

    Yields:
        The path written, and the photograph before and after, [H, W, 3] uint8.
    """
    put, codes = IntoPhoto(avatar.head, avatar.renderer), person.codes(avatar)
    for row, (path, name) in enumerate(zip(photos, names, strict=True)):
        fit = person.fit.select([row]).to(codes.shape.device)
        image, matrix = read_pixels(path, person.matrices[row].numpy())
        vertices = vertices_of(avatar.head, fit)
        before = HeadState(textures[0], vertices)
        result = put(image, fit, matrix, before, HeadState(textures[1], moved_vertices(avatar, fit, codes, edited)))
        suffix = path.suffix.lower() if path.suffix.lower() in JPEG_SUFFIXES else ".png"
        yield write_edited_image(result, folder / f"{name}_edited{suffix}", path), image, result


def moved_vertices(avatar: Avatar, fit: HeadFit, codes: Codes, edited: EditedFaces) -> Tensor:
    """Vertices [B, V, 3] of B fitted heads of one person with what an edit adds to identity and expression."""
    changes = (edited.shape - codes.shape, edited.expression - codes.expression)
    if not any(change.any() for change in changes):
        return vertices_of(avatar.head, fit)
    shape, expression = (
        functional.pad(part, (0, change.shape[1] - part.shape[1])) + change
        for part, change in zip((fit.shape, fit.expression), changes, strict=True)
    )
    return vertices_of(avatar.head, fit._replace(shape=shape, expression=expression))


def read_pixels(path: Path, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A photograph [H, W, 3] uint8, and the matrix from its pixels; `matrix` is from those of the file, which may be
    larger (see `read_photograph`)."""
    photograph = read_photograph(path)
    reduction = photograph.size[0] / photograph.image.width
    return np.asarray(photograph.image), matrix @ np.diag([reduction, reduction, 1])
