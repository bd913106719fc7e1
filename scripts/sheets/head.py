"""Draw the open head as one contact sheet: mean, people, expressions, poses, chart and landmarks.

python scripts/sheets/head.py
python scripts/sheets/head.py --out my_sheet.png
CLIPFACE_DATA=my_data python scripts/sheets/head.py --out my_head.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from clipface.assets import resolve
from clipface.head import HeadModel, load_head
from clipface.head.open_head import read_open_head
from clipface.render.camera import view
from clipface.render.renderer import Renderer

COLUMNS, CELL = 6, 224
TEXTURE = 512
PAINT = {  # later regions lie over earlier ones
    "face": (228, 190, 165), "scalp": (196, 158, 136), "neck": (214, 175, 151), "lips": (196, 96, 92),
    "brows": (120, 86, 66), "mouth_interior": (120, 44, 44), "tongue": (206, 106, 106), "teeth": (244, 240, 228),
    "right_eyeball": (250, 248, 244), "left_eyeball": (250, 248, 244), "iris": (74, 104, 138),
}  # fmt: skip
BOTH = {name: (f"{name}Left", f"{name}Right") for name in
        ("mouthSmile", "mouthFrown", "eyeBlink", "eyeWide", "browDown", "browOuterUp", "noseSneer", "mouthUpperUp",
         "mouthLowerDown", "cheekSquint", "eyeSquint", "mouthStretch", "mouthPress")}  # fmt: skip
EXPRESSIONS: tuple[tuple[str, dict[str, float]], ...] = (
    ("smile", {"mouthSmile": 0.8, "cheekSquint": 0.5}),
    ("laugh", {"mouthSmile": 0.8, "jawOpen": 0.4, "mouthUpperUp": 0.5, "cheekSquint": 0.6, "eyeSquint": 0.5}),
    ("sad", {"mouthFrown": 0.9, "browInnerUp": 0.9}),
    ("angry", {"browDown": 1.0, "eyeSquint": 0.6, "noseSneer": 0.6, "mouthPress": 0.6}),
    ("surprised", {"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 1.0, "jawOpen": 0.6}),
    ("disgusted", {"noseSneer": 1.0, "mouthUpperUp": 0.7, "browDown": 0.5}),
    ("jawOpen", {"jawOpen": 1.0}),
    ("mouthFunnel", {"mouthFunnel": 1.0}),
    ("mouthPucker", {"mouthPucker": 1.0}),
    ("mouthSmileLeft", {"mouthSmileLeft": 1.0}),
    ("eyeBlinkLeft", {"eyeBlinkLeft": 1.0}),
    ("eyeBlink", {"eyeBlink": 1.0}),
    ("cheekPuff", {"cheekPuff": 1.0}),
    ("mouthStretch", {"mouthStretch": 1.0}),
    ("tongueOut", {"tongueOut": 1.0, "jawOpen": 0.8}),
    ("mouthRoll", {"mouthRollLower": 1.0, "mouthRollUpper": 1.0}),
    ("jawLeft", {"jawLeft": 1.0}),
    ("show teeth", {"mouthUpperUp": 1.0, "mouthLowerDown": 1.0, "mouthStretch": 0.6}),
)
POSES: tuple[tuple[str, float, dict[str, tuple[float, ...]]], ...] = (
    ("jaw 0.4", 30.0, {"pose": (0, 0, 0, 0.4, 0, 0)}),
    ("jaw sideways", 0.0, {"pose": (0, 0, 0, 0.1, 0.12, 0)}),
    ("gaze up", 0.0, {"eye_pose": (-0.25, 0, 0, -0.25, 0, 0)}),
    ("gaze down", 0.0, {"eye_pose": (0.3, 0, 0, 0.3, 0, 0)}),
    ("gaze aside", 0.0, {"eye_pose": (0, 0.35, 0, 0, 0.35, 0)}),
    ("neck", 0.0, {"neck_pose": (0.1, 0.3, 0.25)}),
)


def paint_regions(head: HeadModel) -> Tensor:
    """A plain texture `[1, 3, R, R]` in 0..1: every region in its colour."""
    image = Image.new("RGB", (2 * TEXTURE, 2 * TEXTURE), PAINT["neck"])
    draw = ImageDraw.Draw(image)
    corners = (head.uv[head.uv_faces.long()] * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0])) * 2 * TEXTURE
    faces = head.faces.long()
    for name, colour in PAINT.items():
        inside = head.regions[name][faces].all(1)
        for triangle in corners[inside].tolist():
            draw.polygon([tuple(corner) for corner in triangle], fill=colour, outline=colour, width=5)
    small = image.resize((TEXTURE, TEXTURE), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255


class Sheet:
    """Draws heads, textured and shaded, one cell each."""

    def __init__(self, head: HeadModel) -> None:
        self.head, self.texture = head, paint_regions(head)
        self.renderer = Renderer(head.faces, head.uv, head.uv_faces)
        self.slot = {name: number for number, name in enumerate(head.expression_names)}

    def expression(self, strengths: dict[str, float]) -> Tensor:
        """Expression `[1, E]`; a name without a side stands for both sides."""
        out = torch.zeros(1, self.head.n_expression)
        for name, strength in strengths.items():
            for slot in BOTH.get(name, (name,)):
                out[0, self.slot[slot]] = strength
        return out

    def render(self, title: str, vertices: Tensor, yaw: float = 0.0, scale: float = 1.0) -> Image.Image:
        """One cell: colours times the clay view's light, and a title."""
        camera = view(torch.tensor([yaw]), torch.zeros(1), scale)
        colour = self.renderer(vertices, self.texture, camera, CELL).image
        light = self.renderer(vertices, None, camera, CELL, background=1.0).image
        pixels = (colour * (light / 0.75).clamp(max=1.15)).clamp(0, 1)[0].permute(1, 2, 0)
        return _titled(Image.fromarray((pixels * 255).round().byte().numpy()), title)

    def chart(self) -> Image.Image:
        """The UV chart: region colours, a checker over them, and the landmarks."""
        canvas = self.texture[0].permute(1, 2, 0).numpy().copy()
        row, column = np.indices(canvas.shape[:2]) // 16
        canvas[(row + column) % 2 == 0] *= 0.8
        image = Image.fromarray((canvas * 255).astype(np.uint8))
        data = read_open_head(resolve("open_head"))
        corners = data.uv[data.uv_faces[data.landmark_faces]]
        points = (corners * data.landmark_barycentric[:, :, None]).sum(axis=1)
        draw = ImageDraw.Draw(image)
        for u, v in points.tolist():
            x, y = u * TEXTURE, (1 - v) * TEXTURE
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(30, 60, 200))
        return _titled(image.resize((CELL, CELL), Image.Resampling.LANCZOS), "chart")

    def landmarks(self, title: str, vertices: Tensor, scale: float = 1.5) -> Image.Image:
        """A front view with the 68 landmarks."""
        camera = view(torch.zeros(1), torch.zeros(1), scale)
        image = self.draw(title, vertices, scale=scale)
        points = torch.nn.functional.pad(self.head.landmarks(vertices), (0, 1), value=1.0) @ camera[0].T
        draw = ImageDraw.Draw(image)
        for x, y in ((points[0, :, :2] / points[0, :, 3:] + 1) / 2 * CELL).tolist():
            draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=(30, 60, 200))
        return image


def _titled(image: Image.Image, title: str) -> Image.Image:
    ImageDraw.Draw(image).text((6, 4), title, fill=(60, 60, 60))
    return image


def cells(sheet: Sheet) -> list[Image.Image]:
    """All cells, row by row."""
    head, random = sheet.head, torch.Generator().manual_seed(4)
    mean = head()
    open_mouth = head(expression=sheet.expression({"jawOpen": 0.5, "mouthSmile": 0.3}))
    out = [sheet.draw("mean", mean), sheet.draw("45 degrees", mean, 45.0), sheet.draw("side", mean, 90.0),
           sheet.landmarks("landmarks", mean), sheet.landmarks("mouth open", open_mouth), sheet.chart()]  # fmt: skip
    for number in range(12):
        shape = torch.randn(1, 300, generator=random)
        out.append(sheet.draw(f"person {number + 1}", head(shape=shape), (-30.0, 0.0, 30.0)[number % 3]))
    out += [sheet.draw(name, head(expression=sheet.expression(values)), 0.0, 1.25) for name, values in EXPRESSIONS]
    for name, yaw, pose in POSES:
        given = {key: torch.tensor([value], dtype=torch.float32) for key, value in pose.items()}
        out.append(sheet.draw(name, head(**given), yaw, 1.25))
    return out


def main() -> None:
    """Parse the command line, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/open_head.png"))
    out = parser.parse_args().out
    with torch.no_grad():
        images = cells(Sheet(load_head("open")))
    page = Image.new("RGB", (COLUMNS * CELL, -(-len(images) // COLUMNS) * CELL), "white")
    for number, image in enumerate(images):
        page.paste(image, (number % COLUMNS * CELL, number // COLUMNS * CELL))
    out.parent.mkdir(parents=True, exist_ok=True)
    page.save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
