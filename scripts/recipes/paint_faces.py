"""Paint a data set folder of faces with known heads, cameras, masks and captions, or a contact sheet of them.

python scripts/recipes/paint_faces.py --folder data/painted --count 2000
python scripts/recipes/paint_faces.py --folder data/smiling --count 100 --size 512 --expression smiling
python scripts/recipes/paint_faces.py --sheet docs/painted_faces.png
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.synthetic.attributes import CHOICES

CELL = 128  # pixels of one face on the sheet


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="data set folder to write; must not exist")
    parser.add_argument("--sheet", type=Path, help="contact sheet to write (PNG)")
    parser.add_argument("--count", type=int, default=256, help="faces in the folder")
    parser.add_argument("--size", type=int, default=256, help="side of an image, pixels")
    parser.add_argument("--texture_size", type=int, default=256, help="side of the painted texture, texels")
    parser.add_argument("--max_yaw", type=float, default=30.0, help="degrees")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    for name in CHOICES:
        parser.add_argument(f"--{name}", help="every face of the folder gets this value")
    options = parser.parse_args(arguments)
    if options.folder is None and options.sheet is None:
        parser.error("--folder, --sheet: expected one or both, got neither")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint a folder, a sheet, or both."""
    options = parse(arguments)
    startup.announce(f"Painting faces for {options.folder or options.sheet}")
    from torch.nn.functional import interpolate
    from torchvision.utils import make_grid

    from clipface.data import write_faces
    from clipface.evaluation.grid import to_image
    from clipface.render.load import load_head_and_renderer
    from clipface.settings import HeadConfig, RendererConfig
    from clipface.synthetic import PaintedFaces
    from clipface.synthetic.examples import EXAMPLE_COLUMNS, example_images, painted_batches

    head, renderer = load_head_and_renderer(HeadConfig(), RendererConfig())
    painter = PaintedFaces(head.to(options.device), renderer.to(options.device), options.texture_size)
    if options.folder is not None:
        given = {name: _value(getattr(options, name)) for name in CHOICES if getattr(options, name) is not None}
        batches = painted_batches(painter, options.count, options.size, options.max_yaw, options.seed, given)
        print(f"Written to {write_faces(options.folder, batches)}")
    if options.sheet is not None:
        small = interpolate(example_images(painter, options.size, options.seed), (CELL, CELL), mode="area")
        options.sheet.parent.mkdir(parents=True, exist_ok=True)
        to_image(make_grid(small, EXAMPLE_COLUMNS, padding=0, pad_value=1.0)).save(options.sheet, optimize=True)
        print(f"Written to {options.sheet}")


def _value(text: str) -> str | bool:
    return {"true": True, "false": False}.get(text.lower(), text)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
