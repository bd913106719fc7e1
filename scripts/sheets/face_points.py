"""Draw where MediaPipe's face points lie on the open head, mouth shut and open.

python scripts/sheets/face_points.py
python scripts/sheets/face_points.py --out my_points.png
CLIPFACE_DATA=my_data python scripts/sheets/face_points.py --out rebuilt_points.png
"""

import argparse
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from clipface.fit.correspondence import Correspondence, correspondence
from clipface.head import HeadModel, load_head
from clipface.render.camera import project, view
from clipface.render.renderer import Renderer

CELL, DOT = 560, 2.5  # pixels
OPEN = 0.35  # radians of the jaw
# Yaw in degrees, closeness, and how far the head moves down, in half images.
VIEWS = ((0.0, 1.3, -0.05), (0.0, 3.4, -0.9), (45.0, 1.3, -0.05))
COLOURS = {
    "eyes": (30, 60, 220), "brows": (120, 60, 0), "nose": (0, 130, 0), "outer lips": (210, 20, 20),
    "inner lips": (230, 0, 200), "cheeks": (0, 140, 140), "chin": (140, 130, 0), "forehead": (90, 90, 90),
    "contour": (240, 110, 0), "irises": (0, 0, 0),
}  # fmt: skip


def render(
    head: HeadModel, on: Correspondence, renderer: Renderer, jaw: float, scene: tuple[float, float, float]
) -> Image.Image:
    """One cell: the clay head and its points, those of hidden parts too."""
    pose = torch.zeros(1, 6)
    pose[0, 3] = jaw
    vertices = head(pose=pose)
    yaw, close, shift = scene
    camera = view(torch.tensor([yaw]), torch.zeros(1), close, torch.tensor([[0.0, shift]]))
    canvas = renderer(vertices, None, camera, CELL, supersample=2).image[0].permute(1, 2, 0)
    image = Image.fromarray((canvas * 255).round().byte().numpy())
    canvas = ImageDraw.Draw(image)
    places = (project(on.on(vertices), camera)[0, :, :2] + 1) / 2 * CELL
    for (x, y), region in zip(places.tolist(), on.regions, strict=True):
        canvas.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=COLOURS[region])
    return image


@torch.no_grad()
def main() -> None:
    """Parse the command line, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/face_points.png"))
    out = parser.parse_args().out
    head = load_head("open")
    on, renderer = correspondence(head), Renderer(head.faces, head.uv, head.uv_faces)
    sheet = Image.new("RGB", (CELL * len(VIEWS), CELL * 2))
    for row, jaw in enumerate((0.0, OPEN)):
        for column, scene in enumerate(VIEWS):
            sheet.paste(render(head, on, renderer, jaw, scene), (column * CELL, row * CELL))
    sheet.save(out, optimize=True)


if __name__ == "__main__":
    main()
