"""People in photographs, edited: how like the photograph they stay, and sheets to look at."""

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import vertices_of
from clipface.bake.head_fit import HeadFit
from clipface.bake.texture import TextureBaker
from clipface.data.faces import MaskedFaces
from clipface.data.validation_photos import validation_photos
from clipface.edit.apply import EditedFaces, edit_faces, unedited
from clipface.edit.avatar import Avatar
from clipface.edit.into_photo.compose import HeadState, IntoPhoto
from clipface.edit.into_photo.files import moved_vertices
from clipface.edit.loading import Editor, load_editor
from clipface.edit.mapper import Codes, Detail
from clipface.edit.options import avatar_options
from clipface.edit.persons.inversion import invert
from clipface.evaluation.faces import face_images, image_landmarks
from clipface.evaluation.grid import grid, save_jpeg
from clipface.evaluation.tables import Table
from clipface.files import read_list, write_atomic
from clipface.guidance import load_encoder
from clipface.metrics.identity import LIKENESS, SAME_PERSON, FaceEmbedder
from clipface.photos.examine import SIZE
from clipface.photos.textures import sharp_batches
from clipface.settings import named_guidance

YAW = 15.0  # degrees that heads on the sheets are turned by
PLAIN, COEFFICIENTS, NEAREST = "the head, unedited", "nearest code, by coefficients", "nearest code, after its steps"
MOUTHS = ((0.0, 0.0), (0.35, 0.0), (0.7, 0.0), (0.7, 30.0))  # strength of jawOpen, and degrees that heads are turned by
PHOTOGRAPH, HEAD = "photograph", "head"


class OwnFace(NamedTuple):
    """A person in a photograph of `SIZE` pixels, cut out around the face."""

    name: str
    photograph: Tensor  # [1, 3, SIZE, SIZE] in 0..1
    fit: HeadFit  # of one head, in these pixels
    codes: Codes  # with the photograph's texture
    at_once: Tensor  # [1, L, dim] the nearest code by the linear model's coefficients, without a step


def own_faces(
    avatar: Avatar, faces: MaskedFaces, rows: Sequence[int], photos: Path | None, size: int, nearest: bool = True
) -> Iterator[OwnFace]:
    """Make people of fitted photographs, as `Person.from_photos` does, one by one.

    Args:
        avatar: bakes, and knows the nearest codes.
        faces: a data set of its head.
        rows: which faces.
        photos: the folder it was prepared from; None: textures are baked from the data set's smaller images.
        size: of textures, texels.
        nearest: whether codes are looked for, which takes most of the time; else they are the mean code.
    """
    baker, head = TextureBaker(avatar.head, avatar.renderer, size=size), avatar.head
    for (row,), fit, crops, mask in sharp_batches(faces, rows, 1, photos, head.v_template.device):
        texture = (baker(fit, crops, mask) * 255).round() / 255
        at_once = found = avatar.generator.mapping.w_avg.expand(1, avatar.generator.levels, -1)
        if nearest:
            at_once, found = (invert(avatar.generator, avatar.linear, texture, steps).w_plus for steps in (0, None))
        shape = functional.pad(fit.shape, (0, head.n_shape - fit.shape.shape[1]))
        detail = Detail(texture, found)
        detail = detail.known(avatar.texture) if nearest else detail
        codes = Codes(found, shape.new_zeros(1, head.n_expression), shape, detail)
        photograph = functional.interpolate(crops.permute(0, 3, 1, 2).float() / 255, (SIZE, SIZE), mode="area")
        yield OwnFace(faces.sources[row], photograph, fit, codes, at_once)


@torch.no_grad()
def measure_own_faces(options: argparse.Namespace) -> dict:
    """Measure how far edited people are from their photographs to dlib, print it and write `own_faces.json`.

    Args:
        options: of scripts/measure/own_faces.py.

    Returns:
        What was written: the distances of each photograph, in its order, by what was compared.

    Raises:
        ValueError: if the data set has none of these photographs.
    """
    editor, faces = _loaded(options)
    avatar, embed = editor.avatar, FaceEmbedder()
    kept_out = read_list(options.list) if options.list else validation_photos()
    rows = [row for row, name in enumerate(faces.sources) if name in kept_out and re.search(options.match, name)]
    if not rows:
        raise ValueError(f"match: expected some of {len(kept_out)} photographs in {faces.path}, got none")
    options.output.mkdir(parents=True, exist_ok=True)
    distances, cosines, names, same = {}, {}, [], 0
    encoder = load_encoder(named_guidance("scoring")) if options.words else None
    for own in own_faces(avatar, faces, rows, options.photos, options.texture_size, not options.plain):
        vertices = vertices_of(avatar.head, own.fit)
        photograph = embed(own.photograph.cpu(), _landmarks(avatar, vertices, own.fit))
        plain = unedited(own.codes).texture(avatar)
        heads = {PLAIN: (plain, vertices)}
        if not options.plain:
            heads[COEFFICIENTS] = (avatar.texture(own.at_once), vertices)
            heads[NEAREST] = (avatar.texture(own.codes.w_plus), vertices)
        fronts = {what: own.codes for what in heads}
        for edit, edited in [] if options.plain else _edits(editor, options, own):
            heads[edit] = (edited.texture(avatar), moved_vertices(avatar, own.fit, own.codes, edited))
            fronts[edit] = edited.codes
        for what, (texture, points) in heads.items():
            image = avatar.renderer(points, texture, own.fit.camera, SIZE, 1.0, supersample=2).image
            found = embed(image.cpu(), _landmarks(avatar, points, own.fit))
            distances.setdefault(what, []).append(round(float((found - photograph).norm()), 4))
            if encoder is not None:
                front = face_images(avatar, texture, fronts[what], 0.0, SIZE // 2)
                near = encoder.encode_image(front) @ encoder.encode_text([options.words]).T
                cosines.setdefault(what, []).append(round(float(near), 4))
        nothing = edit_faces(avatar, own.codes, editor.mappers, [0.0])
        names.append(own.name)
        same += torch.equal(nothing.texture(avatar), own.codes.detail.texture)
        content = {"photographs": names, "distance": distances, "bits kept": same}
        content |= {"cosine": cosines} if encoder is not None else {}
        write_atomic(options.output / "own_faces.json", json.dumps(content, indent=1) + "\n")
    print(table(content).text())
    print(f"Edits of strength 0 leave the texture bit for bit: {same} of {len(names)}")
    return content


def table(content: dict) -> Table:
    """The numbers for the console."""
    lines = []
    for what, values in content["distance"].items():
        values = torch.tensor(values)
        below = [f"{100 * (values < most).float().mean():.0f} %" for most in (LIKENESS, SAME_PERSON)]
        near = [f"{np.mean(content['cosine'][what]):.3f}"] if "cosine" in content else []
        lines.append([what, f"{values.mean():.3f}", f"{values.max():.3f}", *below, *near])
    title = f"Distance to the photograph to dlib, of {len(content['photographs'])} photographs"
    header = ["", "mean", "largest", f"under {LIKENESS}", f"under {SAME_PERSON}"]
    return Table(title, header + ["cosine to the words"] * ("cosine" in content), lines)


@torch.no_grad()
def show_own_faces(options: argparse.Namespace) -> None:
    """Write `own_heads.jpg` and `own_photos.jpg`: photographs in rows, edits in columns.

    Args:
        options: of scripts/measure/own_faces.py; `sheets` names the photographs.

    Raises:
        ValueError: if the data set has no such photograph.
    """
    editor, faces = _loaded(options)
    avatar, rows = editor.avatar, _rows_of(options.sheets, faces, "sheets")
    put = IntoPhoto(avatar.head, avatar.renderer, supersample=1)
    heads, photographs = [], []
    for own in own_faces(avatar, faces, rows, options.photos, options.texture_size):
        vertices, size = vertices_of(avatar.head, own.fit), options.size
        pixels = (own.photograph[0].permute(1, 2, 0) * 255).round().byte().cpu().numpy()
        before = HeadState(unedited(own.codes).texture(avatar), vertices)
        small = _resized(own.photograph, size)
        heads.append([small, face_images(avatar, before.texture, own.codes, YAW, size)[0]])
        photographs.append([small])
        for _, edited in _edits(editor, options, own):
            after = HeadState(edited.texture(avatar), moved_vertices(avatar, own.fit, own.codes, edited))
            heads[-1].append(face_images(avatar, after.texture, edited.codes, YAW, size)[0])
            image = torch.from_numpy(put(pixels, own.fit, np.eye(3), before, after))
            photographs[-1].append(_resized(image.permute(2, 0, 1)[None] / 255, size))
        _write_sheets(options, heads, photographs)  # after each, as a person takes half a minute


@torch.no_grad()
def show_mouths(options: argparse.Namespace) -> None:
    """Write `own_mouths.jpg`: photographs in rows, their heads with ever wider jaws beside them.

    Args:
        options: of scripts/measure/own_faces.py; `mouths` names the photographs.

    Raises:
        ValueError: if the data set has no such photograph.
    """
    editor, faces = _loaded(options)
    avatar, slot = editor.avatar, editor.avatar.head.expression_names.index("jawOpen")
    baker, rows = TextureBaker(avatar.head, avatar.renderer, size=options.texture_size), []
    chosen = _rows_of(options.mouths, faces, "mouths")
    for _, fit, crops, mask in sharp_batches(faces, chosen, 1, options.photos, avatar.head.v_template.device):
        small = _resized(crops.permute(0, 3, 1, 2).float() / 255, options.size)
        texture, expression = baker(fit, crops, mask), fit.expression.new_zeros(1, avatar.head.n_expression)
        rows.append([small])
        for width, yaw in MOUTHS:
            expression[0, slot] = width
            codes = Codes(fit.shape.new_zeros(1, 1, 1), expression, fit.shape)
            image = face_images(avatar, texture, codes, yaw, 2 * options.size)
            rows[-1].append(_resized(image, options.size))
    options.output.mkdir(parents=True, exist_ok=True)
    titles = [f"jawOpen {width:g}" for width, _ in MOUTHS]
    save_jpeg(grid(rows, [PHOTOGRAPH, *titles]), options.output / "own_mouths.jpg")


def _rows_of(names: Sequence[str], faces: MaskedFaces, option: str) -> list[int]:
    if lacking := sorted(set(names) - set(faces.sources)):
        raise ValueError(f"{option}: expected photographs in {faces.path}, got {', '.join(lacking)}")
    return [faces.sources.index(name) for name in names]


def _write_sheets(options: argparse.Namespace, heads: list[list[Tensor]], photographs: list[list[Tensor]]) -> None:
    names = [edit.partition(":")[2].replace("_", " ").replace("=", " ") for edit in options.edits]
    options.output.mkdir(parents=True, exist_ok=True)
    save_jpeg(grid(heads, [PHOTOGRAPH, HEAD, *names]), options.output / "own_heads.jpg")
    save_jpeg(grid(photographs, [PHOTOGRAPH, *names]), options.output / "own_photos.jpg")


def _loaded(options: argparse.Namespace) -> tuple[Editor, MaskedFaces]:
    return load_editor(options.edits, **avatar_options(options)), MaskedFaces(options.dataset, SIZE)


def _edits(editor: Editor, options: argparse.Namespace, own: OwnFace) -> Iterator[tuple[str, EditedFaces]]:
    for edit, mapper in zip(options.edits, editor.mappers, strict=True):
        yield edit, edit_faces(editor.avatar, own.codes, [mapper], options.strength)


def _landmarks(avatar: Avatar, vertices: Tensor, fit: HeadFit) -> Tensor:
    return image_landmarks(avatar.head, vertices, fit.camera, SIZE).cpu()


def _resized(image: Tensor, size: int) -> Tensor:
    return functional.interpolate(image.cpu(), (size, size), mode="area")[0]
