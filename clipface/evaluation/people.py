"""How various random people are, and whom they resemble, by networks that nothing here is trained against."""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import vertices_of
from clipface.data.faces import MaskedFaces
from clipface.data.textures import read_textures
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.loading import load_editor
from clipface.edit.mapper import Codes
from clipface.edit.options import avatar_options
from clipface.edit.sampling import sample_latents
from clipface.evaluation.faces import face_images, image_landmarks
from clipface.evaluation.grid import grid
from clipface.evaluation.tables import Table
from clipface.files import write_atomic
from clipface.fit.fitter import stored_batches
from clipface.head import HeadModel
from clipface.metrics.age import AgeAndSex
from clipface.metrics.identity import LIKENESS, FaceEmbedder
from clipface.metrics.skin import cheek_colour, lightness_and_tone
from clipface.photos.examine import SIZE
from clipface.render.camera import view

BATCH = 16
COMPARED_SIZE = 64  # texels, that the nearest texture is looked for at
TRAITS = ("probability of a man", "age, years", "skin, L*", "skin, typology angle")


class MeasuredFaces(NamedTuple):
    """What networks and the cheeks' colour say of B faces."""

    embedding: Tensor  # [B, 128], of `FaceEmbedder`
    traits: Tensor  # [B, 4], of `TRAITS`

    def select(self, rows: Sequence[int]) -> "MeasuredFaces":
        """Some of the faces."""
        return MeasuredFaces(*(part[list(rows)] for part in self))


class FaceMeter:
    """Measures images of faces.

    Raises:
        ModuleNotFoundError: if a package of the extras identity and metrics is missing; says how to install it.
    """

    def __init__(self) -> None:
        self.embedder, self.age_and_sex = FaceEmbedder(), AgeAndSex()

    def __call__(self, images: Tensor, landmarks: Tensor) -> MeasuredFaces:
        """Measure images [B, 3, H, W] in 0..1 with landmarks [B, 68, 2] in pixels; the results are on the CPU."""
        images, landmarks = images.cpu(), landmarks.cpu()
        age, man = self.age_and_sex(images, landmarks)
        lightness, tone = lightness_and_tone(cheek_colour(images, landmarks))
        return MeasuredFaces(self.embedder(images, landmarks), torch.stack([man, age, lightness, tone], 1))


def measure_photographs(
    meter: FaceMeter, head: HeadModel, faces: MaskedFaces, cache: Path | None = None
) -> MeasuredFaces:
    """Measure the photographs of a data set, with the landmarks of their fitted heads.

    Args:
        meter: measures.
        head: that was fitted.
        faces: the data set.
        cache: `.npz` to read if it is there and of these faces, else to write.
    """
    if cache is not None and cache.is_file():
        with np.load(cache, allow_pickle=False) as file:
            if file["names"].tolist() == faces.names:
                return MeasuredFaces(*(torch.from_numpy(file[name]) for name in MeasuredFaces._fields))
    found = []
    for fit, crops, _ in stored_batches(faces, range(len(faces)), BATCH, head.v_template.device):
        images = crops.permute(0, 3, 1, 2).float() / 255
        found.append(meter(images, image_landmarks(head, vertices_of(head, fit), fit.camera, images.shape[-1])))
    measured = _joined(found)
    if cache is not None:
        parts = {name: part.numpy() for name, part in measured._asdict().items()}
        np.savez(cache, names=np.array(faces.names), **parts)
    return measured


@torch.no_grad()
def measure_heads(meter: FaceMeter, avatar: Avatar, textures: Tensor, codes: Codes, size: int) -> MeasuredFaces:
    """Measure heads from the front.

    Args:
        meter: measures.
        avatar: renders.
        textures: [B, 3, R, R] in 0..1, or uint8.
        codes: of B heads; their w+ is not read.
        size: side of the images, pixels.
    """
    found, device = [], avatar.head.v_template.device
    camera = view(torch.zeros(1), torch.zeros(1), FRONT_SCALE).to(device)
    for rows in torch.arange(len(textures)).split(BATCH):
        part = codes.rows(slice(int(rows[0]), int(rows[-1]) + 1))
        images = face_images(avatar, _unit(textures[rows]).to(device), part, 0.0, size)
        points = image_landmarks(avatar.head, avatar.head(part.shape, part.expression), camera, size)
        found.append(meter(images, points))
    return _joined(found)


def distances(people: MeasuredFaces) -> dict[str, float]:
    """Mean and 5th percentile of the distances between different people."""
    count = len(people.embedding)
    apart = torch.cdist(people.embedding, people.embedding)[~torch.eye(count, dtype=torch.bool)]
    return {"mean": apart.mean().item(), "5 %": apart.quantile(0.05).item()}


def recognised(people: MeasuredFaces, others: MeasuredFaces) -> float:
    """How many of 100 people are nearer to one of the others than `LIKENESS`."""
    return 100 * (torch.cdist(people.embedding, others.embedding).amin(1) < LIKENESS).float().mean().item()


def spreads(people: MeasuredFaces, others: MeasuredFaces) -> dict[str, dict[str, float]]:
    """Mean and standard deviation of each of `TRAITS`, of people and others, and the people's share of the latter."""
    found = {}
    for column, name in enumerate(TRAITS):
        one, other = people.traits[:, column], others.traits[:, column]
        found[name] = {
            "mean": one.mean().item(), "mean of others": other.mean().item(), "deviation": one.std().item(),
            "of others": other.std().item(), "share": (one.std() / other.std()).item(),
        }  # fmt: skip
    return found


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
        rows, baked, heads = _baked(options.textures, faces, compared, avatar)
        others, what = measure_heads(meter, avatar, baked, heads, options.size), "their textures on their heads"
        content["distance of textures"] = distances(others)
        shown = [place for place, row in enumerate(rows) if not re.search(options.hidden, faces.sources[row])]
        sheet = nearest_sheet(avatar, (textures, codes), (baked[shown], _select(heads, shown)), options.shown)
        sheet.save(options.output / "nearest.png")
    content["recognised of 100"] = _recognised(people, photographs, faces.sources)
    content["spread"] = spreads(people, others)
    write_atomic(options.output / "people.json", json.dumps(content, indent=1) + "\n")
    print("\n\n".join(table.text() for table in tables(content, what)))
    return content


@torch.no_grad()
def nearest_sheet(
    avatar: Avatar, people: tuple[Tensor, Codes], others: tuple[Tensor, Codes], count: int
) -> Image.Image:
    """Lay out people, spread over all, each beside the one of the others with the nearest texture.

    Args:
        avatar: renders.
        people, others: textures [B, 3, R, R] and codes of their heads.
        count: of people.
    """
    rows = torch.linspace(0, len(people[0]) - 1, min(count, len(people[0]))).round().long()
    small = [
        functional.interpolate(_unit(part), COMPARED_SIZE, mode="area").flatten(1)
        for part in (people[0][rows], others[0])
    ]
    nearest = torch.cdist(*small, p=1).argmin(1)
    columns = []
    for (textures, codes), chosen in ((people, rows), (others, nearest)):
        part = _select(codes, chosen)
        columns.append(face_images(avatar, _unit(textures[chosen]).to(part.shape.device), part, 0.0, SIZE // 2))
    return grid(list(zip(*columns, strict=True)), ["random", "nearest texture"])


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


def _baked(
    folder: Path, faces: MaskedFaces, compared: Sequence[int], avatar: Avatar
) -> tuple[list[int], Tensor, Codes]:
    """Rows of a data set with a texture, those textures (uint8), and their neutral heads, without w+."""
    names, textures = read_textures(folder, avatar.generator.config["resolution"])
    place = {name: number for number, name in enumerate(names)}
    rows = [row for row in compared if faces.names[row] in place]
    if not rows:
        raise ValueError(f"textures: expected names of faces as in {faces.path}, got {names[0]} ...; bake them from it")
    shape = torch.stack([torch.from_numpy(faces.parameters(row)["shape"]).float() for row in rows])
    shape = functional.pad(shape, (0, avatar.head.n_shape - shape.shape[1])).to(avatar.head.v_template)
    nothing = shape.new_zeros(len(shape), 0, 0)
    heads = Codes(nothing, shape.new_zeros(len(shape), avatar.head.n_expression), shape)
    return rows, textures[[place[faces.names[row]] for row in rows]], heads


def _select(codes: Codes, rows: Sequence[int] | Tensor) -> Codes:
    return Codes(*(part[torch.as_tensor(rows).to(part.device)] for part in codes))


def _unit(textures: Tensor) -> Tensor:
    return textures.float() / 255 if textures.dtype == torch.uint8 else textures


def _joined(parts: Sequence[MeasuredFaces]) -> MeasuredFaces:
    return MeasuredFaces(*(torch.cat(each) for each in zip(*parts, strict=True)))
