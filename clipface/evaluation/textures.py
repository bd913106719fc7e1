"""Textures of a generator and of data: images of them, and what evaluations compare."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from clipface import assets, weights
from clipface.data.textures import read_textures
from clipface.edit.attributes import PREFIX, look_mapper
from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_editor
from clipface.edit.mapper import Codes
from clipface.edit.options import avatar_options
from clipface.edit.people import People, find_people
from clipface.edit.sampling import sample_latents
from clipface.evaluation.grid import grid, to_image
from clipface.head import load_head
from clipface.render.camera import view
from clipface.texture.carry import Carrier, find_map
from clipface.texture.flame_texture import flame_linear_textures
from clipface.texture.generator import TextureGenerator, memory_parts
from clipface.texture.linear import LinearTextures
from clipface.texture.published import read_generator

COLUMNS = 8  # of the sheet of heads
HEAD_SIZE = 224  # pixels
FINER = 2  # texels of a baked texture for a pixel of the images, of which the face fills but a part
YAWS = {"left": -35.0, "front": 0.0, "right": 35.0}
Textures = Callable[[int, torch.Generator], Tensor]  # so many [B, 3, R, R] in [-1, 1]


@torch.no_grad()
def write_samples(options: argparse.Namespace) -> Path:
    """Write codes of faces, and images of each: textures, three views of each, a sheet of heads.

    Args:
        options: of scripts/sample_textures.py.

    Returns:
        The file of all codes: the first half under the name `train`, the others under `validation`.
    """
    avatar, _, psi, _ = load_editor(**avatar_options(options))
    faces, folder, images = sample_latents(avatar, options.seeds, psi), options.out, not options.codes_only
    folder.mkdir(parents=True, exist_ok=True)
    if images:
        for seed, code in zip(options.seeds, faces.w_plus, strict=True):
            to_image(avatar.texture(code[None])[0]).save(folder / f"{seed:04d}.png")
            texture_views(avatar, code[None]).save(folder / f"{seed:04d}_views.png")
    if images:
        sheet = render_looks(avatar, faces, options.looks) if options.looks else render_heads(avatar, faces)
        sheet.save(folder / "heads.png")
    half = (len(faces.w_plus) + 1) // 2
    codes = {"train": faces.w_plus[:half], "validation": faces.w_plus[half:]}
    notes = {"seeds": options.seeds, "psi": psi, **avatar.origin}
    return weights.save(folder / "codes.safetensors", codes, notes)


def texture_views(avatar: Avatar, w_plus: Tensor) -> Image.Image:
    """Lay out the textures of codes [B, L, w_dim], each with three views of it on the mean head."""
    textures = avatar.texture(w_plus)
    columns = [textures, *(mean_head(avatar, textures, yaw) for yaw in YAWS.values())]
    return grid(list(zip(*columns, strict=True)), ["texture", *YAWS])


def mean_head(avatar: Avatar, textures: Tensor, yaw: float = 0.0) -> Tensor:
    """Render the mean head in textures [B, 3, R, R], turned by `yaw` degrees: [B, 3, R, R]."""
    angles = torch.full((len(textures),), yaw, device=textures.device)
    return avatar.render(textures, avatar.head(), view(angles, torch.zeros_like(angles)), textures.shape[-1])


def render_heads(avatar: Avatar, faces: Codes, size: int = HEAD_SIZE) -> Image.Image:
    """Lay out faces from the front, eight in a row, each on its own head."""
    rows = []
    for start in range(0, len(faces.shape), COLUMNS):
        part = faces.rows(slice(start, start + COLUMNS))
        front = torch.zeros(len(part.shape), device=faces.shape.device)
        rendered = avatar.render(avatar.texture(part.w_plus), avatar.head(part.shape), view(front, front), size)
        rows.append([*rendered, *[torch.ones_like(rendered[0])] * (COLUMNS - len(rendered))])
    return grid(rows, [""] * COLUMNS)


def render_looks(avatar: Avatar, faces: Codes, names: Sequence[str], size: int = HEAD_SIZE) -> Image.Image:
    """Lay out faces from the front on their own heads, a row for each: as it is, then in each look."""
    mappers = [look_mapper(PREFIX + name, avatar).to(faces.shape.device) for name in names]
    front, rows = torch.zeros(len(names) + 1, device=faces.shape.device), []
    for row in range(len(faces.shape)):
        face = faces.rows(slice(row, row + 1))
        w_plus = torch.cat([face.w_plus, *(mapper(face).w_plus for mapper in mappers)])
        rows.append(list(avatar.render(avatar.texture(w_plus), avatar.head(face.shape), view(front, front), size)))
    return grid(rows, ["plain", *(name.replace("_", " ") for name in names)])


def candidates(options: argparse.Namespace, device: torch.device) -> dict[str, Textures]:
    """What is compared with photographs, by name.

    Args:
        options: of scripts/evaluate_textures.py.
        device: of all of them.
    """
    found = {}
    for path in options.generator or [assets.resolve("generator")]:
        network = read_generator(path).to(device)
        head, uv_map = load_head(options.head), network.config["uv_map"]
        other = find_map(Path(path), uv_map, head)
        people = find_people(Path(path), network.config["z_dim"], head, found=other)
        carrier = other and other.carrier(uv_map).to(device)
        found[f"generator {path}"] = _generated(network, people, options.psi, carrier)
    if options.flame_texture:
        model = flame_linear_textures(options.flame_texture, options.size).to(device)
        found[f"FlameTex, {model.count} directions"] = model
    if options.textures:
        textures = read_textures(options.textures, options.size)[1].to(device).float() / 127.5 - 1
        directions = min(options.directions, len(textures) - 1)
        found["mean baked texture"] = LinearTextures.fit(textures, 0)
        found[f"linear model, {directions} directions"] = LinearTextures.fit(textures, directions)
        found["baked textures themselves"] = _resampled(read_textures(options.textures, FINER * options.size)[1])
    return found


def _resampled(given: Tensor) -> Textures:
    """Some of [N, 3, R, R] uint8, on the CPU since they are many."""

    def textures(count: int, generator: torch.Generator) -> Tensor:
        return given[torch.randint(len(given), (count,), generator=generator)].float() / 127.5 - 1

    return textures


def _generated(network: TextureGenerator, people: People | None, psi: float, carrier: Carrier | None) -> Textures:
    z_dim = network.config["z_dim"]

    def textures(count: int, generator: torch.Generator) -> Tensor:
        if people is None:
            z = torch.randn(count, z_dim, generator=generator)
        else:
            seeds = torch.randint(2**62, (count,), generator=generator).tolist()
            codes = torch.stack([people.sample(np.random.default_rng(seed))[0] for seed in seeds])
            z = functional.pad(codes, (0, z_dim - codes.shape[1]))
        made = torch.cat([network(part, psi) for part in memory_parts(z.to(network.mapping.w_avg))])
        return made if carrier is None else carrier(made)

    return textures
