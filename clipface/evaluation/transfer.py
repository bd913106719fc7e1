"""How well a map between two heads carries textures and expressions: there and back again."""

from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from clipface.animation.arkit_flame import ExpressionMap
from clipface.evaluation.grid import grid
from clipface.head import HeadModel
from clipface.head.expressions import ARKIT_NAMES
from clipface.head.mesh import uv_map_hash
from clipface.render import Renderer
from clipface.render.camera import view
from clipface.render.uv import UVMap
from clipface.texture.carry import Carrier, HeadMap

DENSE = 0.5  # texels of the other map for one of ours, from which on both are dense
MOST_JUMP = 0.02  # of the texture, between neighbours: a seam of the other map lies there
VIEW_SIZE, AMPLIFIED = 256, 8


class TextureTrip(NamedTuple):
    """Textures carried to another head and back; means of |difference| in 0..255."""

    there: Tensor  # [B, 3, R, R]
    back: Tensor
    face: float  # on the face as far as both heads have it
    dense: float  # where, besides, both maps are dense
    dense_share: float  # of the face


def texture_trip(found: HeadMap, source: HeadModel, target: HeadModel, textures: Tensor) -> TextureTrip:
    """Carry textures [B, 3, R, R] in 0..1 of the source to the target and back."""
    size = textures.shape[-1]
    to, fro = (found.carrier(uv_map_hash(head)) for head in (source, target))
    with torch.no_grad():
        there = to(textures, size)
        back = fro(there, size)
    face = UVMap(source, size).region(["face"]) & (fro.sure_at(size)[0, 0] == 1)
    dense = face & (density(fro, size) >= DENSE)
    away = 255 * (back - textures).abs().mean((0, 1))
    return TextureTrip(
        there, back, away[face].mean().item(), away[dense].mean().item(), (dense.sum() / face.sum()).item()
    )


def density(carrier: Carrier, size: int) -> Tensor:
    """How many texels of the old map lie in one of the new map's, [size, size]; 0 at the old map's seams."""
    places = (carrier.grid + 1) / 2  # [S, S, 2]
    down, right = (torch.diff(places, dim=axis, append=places.narrow(axis, -1, 1)) for axis in (0, 1))
    area = (down[..., 0] * right[..., 1] - down[..., 1] * right[..., 0]).abs() * len(places) ** 2
    smooth = (torch.maximum(down.abs(), right.abs()).amax(2) < MOST_JUMP).float()
    return functional.interpolate((area * smooth)[None, None], (size, size), mode="area")[0, 0]


class ExpressionTrip(NamedTuple):
    """ARKit's shapes carried to another head and back, in millimetres; [52] each."""

    size: Tensor  # how far a shape moves the vertex that it moves most
    fit_mean: Tensor  # what FLAME's parameters make of it, on the face
    fit_most: Tensor
    back_mean: Tensor  # what the weights found again make of it
    back_most: Tensor

    def table(self) -> str:
        """Markdown, a row for each shape and one for all."""
        head = (
            "| shape | moves up to | FLAME off: mean | most | round trip off: mean | most |\n|---|---|---|---|---|---|"
        )
        rows = torch.stack(list(self), 1)
        lines = [_row(name, row) for name, row in zip(ARKIT_NAMES, rows, strict=True)]
        return "\n".join([head, *lines, _row("mean of all", rows.mean(0))])


def _row(name: str, numbers: Tensor) -> str:
    return f"| {name} | " + " | ".join(f"{number:.2f}" for number in numbers.tolist()) + " |"


def expression_trip(found: HeadMap, target: HeadModel, count: int) -> ExpressionTrip:
    """Carry each of ARKit's shapes, at weight 1, to the target and back.

    Args:
        found: the map.
        target: FLAME.
        count: coefficients of expression that it may use.
    """
    mapped = ExpressionMap.from_map(found, target, count)
    ones = torch.eye(len(ARKIT_NAMES))
    flame = mapped.to_flame(ones)
    again = mapped.to_arkit(*flame)
    here = found.tensors["arkit_weight"] > 0
    face = (target.regions["face"] if "face" in target.regions else torch.ones_like(here))[here]
    pose = torch.cat([torch.zeros(len(ones), 3), flame.jaw], 1)
    with torch.no_grad():
        moved = target(None, flame.expression, pose, eye_pose=flame.eye_pose) - target()
    shapes = found.tensors["arkit"]
    fit, back = (moved - shapes).norm(dim=2)[:, here], mapped.distance(ones, again).float()[:, here]
    parts = (shapes.norm(dim=2).amax(1), fit[:, face].mean(1), fit.amax(1), back[:, face].mean(1), back.amax(1))
    return ExpressionTrip(*(1000 * part for part in parts))


def trip_sheet(textures: Tensor, trip: TextureTrip, source: HeadModel, target: HeadModel) -> Image.Image:
    """Textures and both heads in them: as they were, on the other head, back, and the difference amplified."""
    front = view(torch.zeros(1), torch.zeros(1))
    rows = []
    for before, there, back in zip(textures, trip.there, trip.back, strict=True):
        apart = (AMPLIFIED * (back - before).abs()).clamp(0, 1)
        views = [
            Renderer(head.faces, head.uv, head.uv_faces)(head(), image[None], front, VIEW_SIZE, 1.0).image[0]
            for head, image in ((source, before), (target, there), (source, back))
        ]
        flat = torch.stack([before, there, back, apart])
        small = functional.interpolate(flat, (VIEW_SIZE, VIEW_SIZE), mode="area")
        rows.append([*small, *views])
    return grid(rows, ["texture", "carried", "carried back", f"difference x {AMPLIFIED}", "head", "other head", "back"])
