"""Show heads fitted to photographs, with landmarks alone and with colours and outline, and measure both.

python scripts/sheets/fits.py --photos my_photos
python scripts/sheets/fits.py --photos my_photos --count 40 --out docs/fits.jpg
python scripts/sheets/fits.py --photos my_photos --count 0 --out everyone.jpg --device cuda

Of each person, in a row: the photograph; the head fitted to landmarks alone; the head fitted to colours and outline
too; the image of the texture model in the mask; its difference from the photograph, three times as strong.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command
from clipface.settings import HeadConfig, RendererConfig


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of images")
    parser.add_argument("--count", type=int, default=40, help="how many, spread over the folder; 0: all")
    parser.add_argument("--out", type=Path, default=Path("fits.jpg"), help="the sheet, JPEG or PNG")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    startup.announce(f"Fitting heads to photographs in {options.photos} for the sheet {options.out}")
    from clipface.evaluation.photos.sheets import compare_fits
    from clipface.photos.folder import examine_folder
    from clipface.render.load import load_head_and_renderer

    faces = examine_folder(options.photos, count=options.count)
    parts = load_head_and_renderer(HeadConfig(), RendererConfig(), options.device)
    table, sheet = compare_fits(*parts, faces)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.out)
    print(table.markdown())


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
