"""Sheets of random people for the documents, all of the same people: none is chosen, and none left out."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from clipface import assets
from clipface.data.faces import MaskedFaces
from clipface.edit.attributes import PREFIX, look_mapper, look_offsets
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.loading import load_editor
from clipface.edit.mapper import Codes
from clipface.edit.options import avatar_options
from clipface.edit.sampling import sample_latents
from clipface.evaluation.grid import grid, labelled_row, save_jpeg, to_image
from clipface.evaluation.head_sheet import EXPRESSIONS
from clipface.evaluation.people.baked import baked_heads
from clipface.evaluation.textures import render_heads
from clipface.head.expressions import expression_of
from clipface.metrics.skin import lightness_and_tone
from clipface.photos.examine import SIZE
from clipface.render.camera import project, view
from clipface.texture.linear import LINEAR_FILE, LinearTextures

TURNS = {"front": 0.0, "40 degrees": 40.0, "side": 90.0}
CLOSE, CLOSE_YAW, CLOSE_SIZE = 1.8, 15.0, 700 / 224  # scale and degrees of close-ups; their side, in heads' sides
CLOSE_COLUMNS = 4
FEATURE_YAWS = (0.0, 40.0)
FACES = {"neutral": {}, **{name: dict(EXPRESSIONS)[name] for name in ("smile", "jawOpen", "surprised")}}
# Landmarks in the middle of a close-up, its scale, and the share of its height that is kept.
FEATURES = {"eyes": (range(36, 48), 2.6, 0.42), "mouth": (range(48, 68), 3.0, 0.62)}
LOOK_COLUMNS, LOOK_SIZE = 14, 0.6  # looks in a row; their side, in heads' sides
SKINS = {"light": 0.9, "dark": 0.1}  # quantiles of the skin's lightness of those who wear all looks
AT_ONCE = 16  # textures reduced at once
SMALL = 64  # texels a side, on which that is measured


class Baked(NamedTuple):
    """Textures of photographs whose people may be shown."""

    textures: Tensor  # [N, 3, R, R] uint8
    heads: Codes  # of their people; without w+

    def on_heads(self, avatar: Avatar, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Textures [B, 3, R, R] in 0..1 of rows [B], and vertices [B, V, 3] of the heads."""
        heads = self.heads.rows(rows)
        return self.textures[rows].to(heads.shape.device).float() / 255, avatar.head(heads.shape)


class PeopleSheets:
    """Renders the sheets.

    Args:
        avatar: renders.
        people: all of them.
        few: how many of them the sheets of some people show, spread evenly.
        size: side of a head's image, pixels.
        baked: textures to compare with; None: sheets that need them cannot be asked for.
        linear: the linear model that the generator reads; likewise.
    """

    def __init__(
        self, avatar: Avatar, people: Codes, few: int, size: int, baked: Baked | None, linear: LinearTextures | None
    ) -> None:
        self.avatar, self.people, self.size, self.baked, self.linear = avatar, people, size, baked, linear
        self.few = people.rows(_evenly(len(people.shape), few))

    def heads(self) -> Image.Image:
        """All people from the front."""
        return render_heads(self.avatar, self.people, self.size)

    def nearest(self) -> Image.Image:
        """Some people, and below each the texture that is nearest by the linear model's coefficients, in colours."""
        parts = self.baked.textures.split(AT_ONCE)
        known = torch.cat([self.linear.coefficients(part.float() / 127.5 - 1) for part in parts])
        textures = self._textures(self.few)
        own = self.linear.coefficients(textures.cpu() * 2 - 1)
        by_colour = self.linear.directions.flatten(1).norm(dim=1)  # what a deviation of each coefficient changes
        found = self.baked.on_heads(self.avatar, torch.cdist(own * by_colour, known * by_colour).argmin(1))
        camera = self._camera(0.0, FRONT_SCALE)
        people = textures, self.avatar.head(self.few.shape)
        rows = [list(self.avatar.render(*each, camera.expand(len(own), -1, -1), self.size)) for each in (people, found)]
        return grid(rows, [""] * len(own), ["random", "nearest"])

    def turned(self) -> Image.Image:
        """Some people from three sides."""
        textures, vertices = self._textures(self.few), self.avatar.head(self.few.shape)
        cameras = [self._camera(yaw, 1.0).expand(len(textures), -1, -1) for yaw in TURNS.values()]
        rows = [list(self.avatar.render(textures, vertices, camera, self.size)) for camera in cameras]
        return grid(rows, [""] * len(textures), list(TURNS))

    def close(self) -> Image.Image:
        """Some people near by, and as many textures from photographs on their heads."""
        chosen = _evenly(len(self.baked.textures), len(self.few.shape))
        people = self._textures(self.few), self.avatar.head(self.few.shape)
        camera, rows = self._camera(CLOSE_YAW, CLOSE), []
        for textures, vertices in (people, self.baked.on_heads(self.avatar, chosen)):
            views = camera.expand(len(textures), -1, -1)
            images = list(self.avatar.render(textures, vertices, views, round(self.size * CLOSE_SIZE)))
            images += [torch.ones_like(images[0])] * (-len(images) % CLOSE_COLUMNS)
            rows += [images[start : start + CLOSE_COLUMNS] for start in range(0, len(images), CLOSE_COLUMNS)]
        labels = ["random" if row < len(rows) // 2 else "baked" for row in range(len(rows))]
        return grid(rows, [""] * CLOSE_COLUMNS, labels)

    def features(self) -> Image.Image:
        """Eyes and mouths of some people, with four expressions from two sides."""
        columns = [(name, yaw) for name in FACES for yaw in FEATURE_YAWS]
        rows = []
        for row in range(len(self.few.shape)):
            face = self.few.rows(slice(row, row + 1))
            texture = self._textures(face)
            rows.append([self._features(face, texture, FACES[name], yaw) for name, yaw in columns])
        return grid(rows, [name if yaw == 0 else f"{yaw:.0f} degrees" for name, yaw in columns])

    def looks(self) -> Image.Image:
        """All looks on a person of light skin and on one of dark skin."""
        names, size = list(look_offsets()), round(self.size * LOOK_SIZE)
        device = self.people.shape.device
        mappers = [look_mapper(PREFIX + name, self.avatar).to(device) for name in names]
        labels, sheets = ["plain", *(name.replace("_", " ") for name in names)], []
        labels += [""] * (-len(labels) % LOOK_COLUMNS)
        for row in self._by_skin():
            face = self.people.rows([row])
            images = [self._front(face, size)[0], *(self._front(mapper(face), size)[0] for mapper in mappers)]
            images += [torch.ones_like(images[0])] * (len(labels) - len(images))
            for start in range(0, len(labels), LOOK_COLUMNS):
                part = slice(start, start + LOOK_COLUMNS)
                sheets.append(labelled_row(images[part], labels[part]))
        return to_image(torch.cat(sheets, 1))

    def _by_skin(self) -> list[int]:
        """Rows of the people at `SKINS`."""
        face = self.avatar.mask("skin", SMALL)[0].cpu() > 0.5
        small = self.avatar.texture(self.people.w_plus, SMALL).cpu()
        lightness, _ = lightness_and_tone(small[:, :, face].median(2).values)
        order = lightness.argsort(stable=True).tolist()
        return [order[round(share * (len(order) - 1))] for share in SKINS.values()]

    def _features(self, face: Codes, texture: Tensor, strengths: dict[str, float], yaw: float) -> Tensor:
        """Eyes above the mouth of one face, [3, H, W]."""
        vertices = self.avatar.head(face.shape, expression_of(self.avatar.head, strengths))
        parts = []
        for landmarks, scale, height in FEATURES.values():
            placed = project(self.avatar.head.landmarks(vertices), self._camera(yaw, scale))[:, list(landmarks)]
            middle = (placed[..., :2] / placed[..., 3:]).mean(1)
            image = self.avatar.render(texture, vertices, self._camera(yaw, scale, -middle), self.size)[0]
            kept = round(self.size * height)
            parts.append(image[:, (self.size - kept) // 2 :][:, :kept])
        return torch.cat(parts, 1)

    def _front(self, face: Codes, size: int) -> Tensor:
        texture = self.avatar.texture(face.w_plus)
        return self.avatar.views(texture, face, self._camera(0.0, FRONT_SCALE), size)

    def _textures(self, people: Codes) -> Tensor:
        return self.avatar.texture(people.w_plus)

    def _camera(self, yaw: float, scale: float, shift: Tensor | None = None) -> Tensor:
        angle = self.people.shape.new_tensor([yaw])
        return view(angle, torch.zeros_like(angle), scale, shift)


# What `scripts/sheets/people.py` knows: of each sheet how it is made, and whether baked textures are needed.
SHEETS: dict[str, tuple[Callable[[PeopleSheets], Image.Image], bool]] = {
    "heads": (PeopleSheets.heads, False),
    "nearest": (PeopleSheets.nearest, True),
    "turned": (PeopleSheets.turned, False),
    "close": (PeopleSheets.close, True),
    "features": (PeopleSheets.features, False),
    "looks": (PeopleSheets.looks, False),
}


@torch.no_grad()
def write_sheets(options: argparse.Namespace) -> list[Path]:
    """Render sheets and write each as `people_<name>.jpg`.

    Args:
        options: of scripts/sheets/people.py.
    """
    editor = load_editor(**avatar_options(options))
    avatar = editor.avatar
    people = sample_latents(avatar, range(options.seed, options.seed + options.count), editor.psi)
    baked = linear = None
    if any(SHEETS[name][1] for name in options.sheets):
        baked = _read_baked(options, avatar)
        generator = Path(options.generator or assets.resolve("generator"))
        linear = LinearTextures.from_weights(generator.with_name(LINEAR_FILE))
    sheets, written = PeopleSheets(avatar, people, options.few, options.size, baked, linear), []
    for name in options.sheets:
        written.append(save_jpeg(SHEETS[name][0](sheets), options.out / f"people_{name}.jpg"))
        print(f"{written[-1]}: {written[-1].stat().st_size / 1e3:.0f} kB")
    return written


def _read_baked(options: argparse.Namespace, avatar: Avatar) -> Baked:
    if options.textures is None or options.dataset is None:
        raise ValueError("textures: expected --textures and --dataset for nearest and close, got none")
    faces = MaskedFaces(options.dataset, SIZE, match=options.match)
    return Baked(*baked_heads(options.textures, faces, range(len(faces)), avatar, mixed=False)[1:])


def _evenly(count: int, few: int) -> Tensor:
    """At most `few` of so many rows."""
    return torch.linspace(0, count - 1, min(few, count)).round().long()
