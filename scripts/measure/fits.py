"""Measure how well heads fit photographs: error of the face points, expressions, identities, time. Prints Markdown.

python scripts/measure/fits.py --photos my_photos --labels my_photos/labels.csv
python scripts/measure/fits.py --photos my_photos --labels my_photos/labels.csv --stage full --device cuda
python scripts/measure/fits.py --photos my_photos --cache faces.npz
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
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--labels", type=Path, help="CSV file: file, person, expression")
    parser.add_argument("--stage", choices=("landmarks", "full"), default="landmarks")
    parser.add_argument("--cache", type=Path, help=".npz that keeps the faces found for the next time")
    parser.add_argument("--head", default="open")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--backend", default="warp", help="renderer of the full stage: warp or nvdiffrast")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    startup.announce(f"Fitting heads to the photographs in {options.photos} ({options.stage}, {options.device})")
    from clipface.evaluation.photos.fits import FitBench, measure_fits
    from clipface.fit.fitter import Fitter
    from clipface.photos.folder import examine_folder, read_labels
    from clipface.render.load import load_head_and_renderer

    faces = examine_folder(options.photos, options.cache)
    labels = read_labels(options.labels, faces.files)
    parts = load_head_and_renderer(HeadConfig(options.head), RendererConfig(options.backend), options.device)
    fitter = Fitter(*parts) if options.stage == "full" else None
    print(measure_fits(FitBench(parts[0], faces, labels, fitter)))


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
