"""Measures faces in images by networks that nothing here is trained against: who, how old, which sex, which skin."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.arrays import read_arrays
from clipface.bake.baker import vertices_of
from clipface.data.faces import MaskedFaces
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.mapper import Codes
from clipface.evaluation.faces import face_images, image_landmarks
from clipface.fit.fitter import stored_batches
from clipface.head import HeadModel
from clipface.metrics.age import AgeAndSex
from clipface.metrics.identity import LIKENESS, FaceEmbedder
from clipface.metrics.skin import cheek_colour, lightness_and_tone
from clipface.render.camera import view

BATCH = 16
EMBEDDED = 128  # numbers of an embedding
TRAITS = ("probability of a man", "age, years", "skin, L*", "skin, typology angle")


class MeasuredFaces(NamedTuple):
    """What networks and the cheeks' colour say of B faces."""

    embedding: Tensor  # [B, EMBEDDED], of `FaceEmbedder`
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
    kept = read_measured(cache, faces.names) if cache is not None and cache.exists() else None
    if kept is not None:
        return kept
    found = []
    for fit, crops, _ in stored_batches(faces, range(len(faces)), BATCH, head.v_template.device):
        images = crops.permute(0, 3, 1, 2).float() / 255
        found.append(meter(images, image_landmarks(head, vertices_of(head, fit), fit.camera, images.shape[-1])))
    measured = _joined(found)
    if cache is not None:
        parts = {name: part.numpy() for name, part in measured._asdict().items()}
        np.savez(cache, names=np.array(faces.names), **parts)
    return measured


def read_measured(cache: Path, names: Sequence[str]) -> MeasuredFaces | None:
    """Read what was measured of faces with these names; None if it is of others.

    Raises:
        ValueError: if the file is damaged or another one.
    """
    arrays = read_arrays(cache, "cache", ("names", *MeasuredFaces._fields), "take it away")
    if arrays["names"].tolist() != list(names):
        return None
    shapes = (len(names), EMBEDDED), (len(names), len(TRAITS))
    parts = [arrays[name] for name in MeasuredFaces._fields]
    if any(part.shape != shape or part.dtype.kind != "f" for part, shape in zip(parts, shapes, strict=True)):
        raise ValueError(f"cache: expected numbers of {len(names)} faces, got others in {cache}; take it away")
    return MeasuredFaces(*(torch.from_numpy(part).float() for part in parts))


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
        images = face_images(avatar, unit_range(textures[rows]).to(device), part, 0.0, size)
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


def unit_range(textures: Tensor) -> Tensor:
    """Textures in 0..1, of bytes or of such."""
    return textures.float() / 255 if textures.dtype == torch.uint8 else textures


def _joined(parts: Sequence[MeasuredFaces]) -> MeasuredFaces:
    return MeasuredFaces(*(torch.cat(each) for each in zip(*parts, strict=True)))
