"""Faces before and after an edit: their images, and the files that the edit command writes."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from clipface.edit.apply import EditedFaces, edit_faces, unedited
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.files import write_face
from clipface.edit.into_photo.files import write_into_photos
from clipface.edit.loading import Editor, load_editor
from clipface.edit.mapper import Codes
from clipface.edit.options import avatar_options, faces_config
from clipface.edit.persons.head_params import head_camera
from clipface.edit.persons.sources import Subjects, subjects
from clipface.evaluation.grid import grid, to_image
from clipface.evaluation.timing import synchronized_time
from clipface.head import HeadModel
from clipface.render.camera import project, view
from clipface.settings import PERSON_SUFFIX

IMAGE_SIZE = 256  # pixels
PHOTOGRAPH = 512  # pixels, side of a photograph on the sheet of them
SECOND_VIEW = 35.0  # yaw in degrees
SHOWN = 64  # faces of a contact sheet: more cannot be looked at, and their images take 5 MB each
HEADER = ("before", "after", "geometry before", "geometry after", "second view before", "second view after")


@torch.no_grad()
def face_rows(
    avatar: Avatar,
    codes: tuple[Codes, Codes],
    textures: tuple[Tensor, Tensor],
    size: int = IMAGE_SIZE,
    camera: Tensor | None = None,
) -> list[tuple[Tensor, ...]]:
    """Render the images below `HEADER`, a row for each face.

    Args:
        avatar: codes to images.
        codes: of the faces before and after.
        textures: likewise, [B, 3, R, R] in 0..1.
        size: side of the images, pixels.
        camera: [1, 4, 4] of all images but those of the second view; None: from the front.

    Returns:
        B rows of images, each [3, size, size] in 0..1.
    """
    columns = {}
    for when, texture, code in zip(("before", "after"), textures, codes, strict=True):
        columns[when] = face_images(avatar, texture, code, 0.0, size, camera)
        columns[f"geometry {when}"] = face_images(avatar, None, code, 0.0, size, camera)
        columns[f"second view {when}"] = face_images(avatar, texture, code, SECOND_VIEW, size)
    return list(zip(*(columns[name] for name in HEADER), strict=True))


def face_images(
    avatar: Avatar, texture: Tensor | None, codes: Codes, yaw: float, size: int, camera: Tensor | None = None
) -> Tensor:
    """Render faces from one side.

    Args:
        avatar: codes to images.
        texture: [B, 3, R, R] in 0..1, or None for the grey geometry.
        codes: of B faces.
        yaw: degrees; positive turns the heads to the image's right.
        size: side of the images, pixels.
        camera: [1, 4, 4], in the place of `yaw`.

    Returns:
        [B, 3, size, size] in 0..1. Gradient: to texture, shape and expression.
    """
    count = len(codes.shape)
    if camera is None:
        camera = view(torch.full((1,), yaw), torch.zeros(1), FRONT_SCALE).to(codes.shape.device)
    return avatar.views(texture, codes, camera.expand(count, -1, -1), size)


def image_landmarks(head: HeadModel, vertices: Tensor, camera: Tensor, size: int) -> Tensor:
    """Where images show the 68 landmarks.

    Args:
        head: of the vertices.
        vertices: [B, V, 3] metres.
        camera: [B or 1, 4, 4].
        size: side of the images, pixels.

    Returns:
        [B, 68, 2] pixels, x to the right and y down; the first pixel's centre is 0.
    """
    placed = project(head.landmarks(vertices), camera)
    return (placed[..., :2] / placed[..., 3:] + 1) * size / 2 - 0.5


class EditedBatch(NamedTuple):
    """Edited faces, and how long they took."""

    edited: EditedFaces
    textures: tuple[Tensor, Tensor]  # before and after, [B, 3, R, R] in 0..1
    seconds: float  # from codes to textures and vertices


@torch.no_grad()
def write_edits(options: argparse.Namespace) -> EditedBatch:
    """Edit faces batch by batch, write them, and print the time a face takes; memory does not grow with their number.

    Args:
        options: of scripts/edit.py; its `output` gets `faces.png`, the first `SHOWN` faces, and `textures/NNNN.png`
            of every face, persons made from photographs, and with `into_photo` the photographs with the edited faces.

    Returns:
        The last batch.
    """
    editor, folder = load_editor(options.mapper, **avatar_options(options)), options.output
    avatar, rows, count = editor.avatar, [], 0
    device, camera = avatar.head.v_template.device, head_camera(options, avatar.head)
    photographs = []  # before and after
    edit_times, image_times = [], []  # seconds a face, of each batch
    (folder / "textures").mkdir(parents=True, exist_ok=True)
    for some in subjects(faces_config(options, options.latents), avatar, editor.psi, options.batch):
        codes = some.codes
        batch = edit_batch(editor, codes, options.strength, options.mix)
        edit_times.append(batch.seconds / len(codes.shape))
        shown = slice(0, SHOWN - len(rows))
        if len(rows) < SHOWN:
            started = synchronized_time(device)
            both, textures = (codes.rows(shown), batch.edited.codes.rows(shown)), [x[shown] for x in batch.textures]
            images = face_rows(avatar, both, textures, options.size, camera)
            image_times.append((synchronized_time(device) - started) / len(images))
            rows += [[image.cpu() for image in row] for row in images]
        write_textures(folder / "textures", count, avatar, codes, batch, options.glb)
        if some.photos:
            print(f"Person: {some.person.save(folder / f'{some.names[0]}{PERSON_SUFFIX}')}")
        if options.into_photo:
            photographs += _write_into_photos(avatar, some, batch, folder)
        count += len(codes.shape)
    if photographs:
        grid(photographs, HEADER[:2]).save(folder / "photographs.png")
    grid(rows, HEADER, [str(number) for number in range(len(rows))]).save(folder / "faces.png")
    edits, images = (1000 * _mean_without_first(times) for times in (edit_times, image_times))
    print(f"{count} faces on {device}: {edits:.0f} ms to edit a face, {images:.0f} ms for six images")
    print(f"Written to {folder}: faces.png, textures/{' and the heads as .glb' if options.glb else ''}")
    return batch


def _write_into_photos(avatar: Avatar, some: Subjects, batch: EditedBatch, folder: Path) -> list[list[Tensor]]:
    """Edit a person's photographs, and return each, small, before and after."""
    if not some.photos:
        raise ValueError("into_photo: expected photographs to put the edited face back into; give them by --photo")
    rows = []
    person, textures, edited = some.person, batch.textures, batch.edited
    for path, *both in write_into_photos(avatar, person, some.photos, some.names, textures, edited, folder):
        print(f"Photograph: {path}")
        small = [ImageOps.pad(Image.fromarray(image), (PHOTOGRAPH,) * 2, color="white") for image in both]
        rows.append([torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 for image in small])
    return rows


def edit_batch(editor: Editor, codes: Codes, strengths: Sequence[float], mix: bool) -> EditedBatch:
    """Edit faces, and measure how long it takes."""
    avatar, device = editor.avatar, codes.w_plus.device
    before = unedited(codes).texture(avatar)
    started = synchronized_time(device)
    edited = edit_faces(avatar, codes, editor.mappers, strengths, mix)
    after = edited.texture(avatar)
    avatar.vertices(edited.codes)
    return EditedBatch(edited, (before, after), synchronized_time(device) - started)


def write_textures(folder: Path, start: int, avatar: Avatar, before: Codes, batch: EditedBatch, glb: bool) -> None:
    """Write textures, and heads if asked for, numbered from `start` on."""
    for row, texture in enumerate(batch.textures[1]):
        name = folder / f"{start + row:04d}"
        to_image(texture).save(name.with_suffix(".png"))
        if glb:
            one = slice(row, row + 1)
            write_face(name.with_suffix(".glb"), avatar, before.rows(one), batch.edited.codes.rows(one), texture)


def _mean_without_first(times: Sequence[float]) -> float:
    """The mean of batches; the first one compiles kernels and warms up, so where there are several it is left out."""
    counted = times[1:] or times
    return sum(counted) / len(counted)
