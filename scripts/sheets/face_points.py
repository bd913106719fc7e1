"""Show where MediaPipe's face points lie on the open head, mouth shut and open.

python scripts/sheets/face_points.py
python scripts/sheets/face_points.py --out my_points.png
CLIPFACE_DATA=my_data python scripts/sheets/face_points.py --out rebuilt_points.png
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command

CELL, DOT = 560, 2  # pixels
OPEN = 0.35  # radians of the jaw
# Yaw in degrees, closeness, and how far the head moves down, in half images.
VIEWS = {"front": (0.0, 1.3, -0.05), "mouth": (0.0, 3.4, -0.9), "45 degrees": (45.0, 1.3, -0.05)}
COLOURS = {
    "eyes": (30, 60, 220), "brows": (120, 60, 0), "nose": (0, 130, 0), "outer lips": (210, 20, 20),
    "inner lips": (230, 0, 200), "cheeks": (0, 140, 140), "chin": (140, 130, 0), "forehead": (90, 90, 90),
    "contour": (240, 110, 0), "irises": (0, 0, 0),
}  # fmt: skip


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/face_points.png"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    startup.announce(f"Rendering the face points on the open head as {options.out}")
    import torch
    from torchvision.utils import draw_keypoints

    from clipface.evaluation.grid import grid
    from clipface.fit.correspondence import correspondence
    from clipface.render.camera import project, view
    from clipface.render.load import load_head_and_renderer
    from clipface.settings import HeadConfig, RendererConfig

    head, renderer = load_head_and_renderer(HeadConfig(), RendererConfig(supersample=2))
    on, rows = correspondence(head), []
    for jaw in (0.0, OPEN):
        vertices = head(pose=torch.tensor([[0.0, 0, 0, jaw, 0, 0]]))
        rows.append([])
        for yaw, close, shift in VIEWS.values():
            camera = view(torch.tensor([yaw]), torch.zeros(1), close, torch.tensor([[0.0, shift]]))
            image = (renderer(vertices, None, camera, CELL).image[0] * 255).round().byte()
            places = (project(on.on(vertices), camera)[0, :, :2] + 1) / 2 * CELL
            for region, colour in COLOURS.items():
                image = draw_keypoints(image, places[None, on.rows(region)], colors=colour, radius=DOT)
            rows[-1].append(image / 255)
    grid(rows, list(VIEWS), ["mouth shut", "mouth open"]).save(options.out, optimize=True)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
