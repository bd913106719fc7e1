"""How various random people are, and whom they resemble, by networks that nothing here is trained against."""

import argparse
import json
import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from clipface.data.faces import MaskedFaces
from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_editor
from clipface.edit.mapper import Codes
from clipface.edit.options import avatar_options
from clipface.edit.sampling import sample_latents
from clipface.evaluation.faces import face_images
from clipface.evaluation.grid import grid
from clipface.evaluation.people.baked import baked_heads
from clipface.evaluation.people.face_meter import (
    BATCH,
    FaceMeter,
    MeasuredFaces,
    distances,
    measure_heads,
    measure_photographs,
    recognised,
    spreads,
    unit_range,
)
from clipface.evaluation.tables import Table
from clipface.files import write_atomic
from clipface.metrics.identity import LIKENESS
from clipface.photos.examine import SIZE

COMPARED_SIZE = 64  # texels, that the nearest texture is looked for at


class Shown(NamedTuple):
    """Faces of a sheet, and what was measured of them."""

    textures: Tensor  # [B, 3, R, R] in 0..1, or uint8
    codes: Codes  # of their heads
    measured: MeasuredFaces


@torch.no_grad()
def measure_people(options: argparse.Namespace) -> dict:
    """Sample people, measure them, print tables, and write `people.json` and, with textures, `nearest.png`.

    Args:
        options: of scripts/measure/people.py.

    Returns:
        What was written as JSON.
    """
    editor, meter = load_editor(**avatar_options(options)), FaceMeter()
    avatar, faces = editor.avatar, MaskedFaces(options.dataset, SIZE)
    codes = sample_latents(avatar, range(options.seed, options.seed + options.count), editor.psi)
    textures = torch.cat([avatar.texture(part).cpu() for part in codes.w_plus.split(BATCH)])
    people = measure_heads(meter, avatar, textures, codes, options.size)
    photographs = measure_photographs(meter, avatar.head, faces, options.cache)
    compared = [row for row, source in enumerate(faces.sources) if re.search(options.match, source)]
    others, what = photographs.select(compared), "photographs"
    content = {"count": options.count, "psi": editor.psi, "seed": options.seed, "distance": distances(people)}
    options.output.mkdir(parents=True, exist_ok=True)
    if options.textures:
        rows, baked, heads = baked_heads(options.textures, faces, compared, avatar)
        others, what = measure_heads(meter, avatar, baked, heads, options.size), "their textures on their heads"
        content["distance of textures"] = distances(others)
        shown = [place for place, row in enumerate(rows) if not re.search(options.hidden, faces.sources[row])]
        sampled = Shown(textures, codes, people)
        known = Shown(baked[shown], heads.rows(shown), others.select(shown))
        nearest_sheet(avatar, sampled, known, options.shown).save(options.output / "nearest.png")
    content["recognised of 100"] = _recognised(people, photographs, faces.sources)
    content["spread"] = spreads(people, others)
    write_atomic(options.output / "people.json", json.dumps(content, indent=1) + "\n")
    print("\n\n".join(table.text() for table in tables(content, what)))
    return content


@torch.no_grad()
def nearest_sheet(avatar: Avatar, people: Shown, others: Shown, count: int) -> Image.Image:
    """Lay out people, spread over all, each beside the nearest of the others by the face's texels, and to dlib.

    Args:
        avatar: renders.
        people, others: all of them.
        count: of people.
    """
    rows = torch.linspace(0, len(people.textures) - 1, min(count, len(people.textures))).round().long()
    face = avatar.mask("face").cpu()
    texels = [
        functional.interpolate(unit_range(part) * face, COMPARED_SIZE, mode="area").flatten(1)
        for part in (people.textures[rows], others.textures)
    ]
    by_texels = torch.cdist(*texels, p=1).argmin(1)
    to_dlib = torch.cdist(people.measured.embedding[rows], others.measured.embedding).argmin(1)
    columns = []
    for (textures, codes, _), chosen in ((people, rows), (others, by_texels), (others, to_dlib)):
        part = codes.rows(chosen)
        columns.append(face_images(avatar, unit_range(textures[chosen]).to(part.shape.device), part, 0.0, SIZE // 2))
    return grid(list(zip(*columns, strict=True)), ["random", "nearest texture", "nearest to dlib"])


def tables(content: dict, what: str) -> list[Table]:
    """The numbers for the console."""
    far = [
        [name, *(f"{value:.3f}" for value in content[key].values())]
        for key, name in (("distance", "people"), ("distance of textures", what))
        if key in content
    ]
    known = [[name, f"{value:.1f}"] for name, value in content["recognised of 100"].items()]
    wide = [[name, *(f"{value:.2f}" for value in row.values())] for name, row in content["spread"].items()]
    header = ["", "mean", f"of {what}", "deviation", "its", "share"]
    return [
        Table("Distance between two faces to dlib", ["", "mean", "5 %"], far),
        Table(f"Recognised (distance under {LIKENESS}), of 100 people", ["as", ""], known),
        Table(f"Spread, beside that of {what}", header, wide),
    ]


def _recognised(people: MeasuredFaces, photographs: MeasuredFaces, sources: Sequence[str]) -> dict[str, float]:
    """As anybody, and as somebody of each folder of photographs."""
    folders = [source.split("/")[0] for source in sources]
    groups = {"anybody": range(len(sources))}
    groups |= {name: [row for row, each in enumerate(folders) if each == name] for name in dict.fromkeys(folders)}
    return {name: recognised(people, photographs.select(rows)) for name, rows in groups.items()}
