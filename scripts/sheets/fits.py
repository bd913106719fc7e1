"""Show heads fitted to photographs, with landmarks alone and with colours and outline, and measure both.

python scripts/sheets/fits.py --photos my_photos
python scripts/sheets/fits.py --photos my_photos --count 40 --out docs/fits.jpg
python scripts/sheets/fits.py --photos my_photos --count 0 --out everyone.jpg --device cuda

Of each person, in a row: the photograph; the head fitted to landmarks alone; the head fitted to colours and outline
too; the image of the texture model in the mask; its difference from the photograph, three times as strong.
"""

import argparse
import sys
from pathlib import Path

import torch
from bake_texture import ANY_FACE, CROP, head_and_renderer, write
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from clipface.bake.visibility import vertices_of
from clipface.fit.fitter import FittedImages, Fitter
from clipface.fit.landmarks import LandmarkObjective
from clipface.fit.silhouette import distance_outside, sticking_out
from clipface.head import HeadModel
from clipface.photos.examine import Cutout, examine
from clipface.photos.heads import stacked
from clipface.photos.sources import find_sources
from clipface.render import Renderer
from clipface.render.camera import project

BATCH = 16
CELL = 96  # pixels
COLUMNS = 4  # people a row of the sheet
CLAY = 0.62  # opacity of the head over the photograph
STRONGER = 3.0
OUT = 0.01  # half images from which on a vertex counts as sticking out of the person
PARTS = {"ears": ("right_ear", "left_ear"), "skull": ("scalp",)}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of images")
    parser.add_argument("--count", type=int, default=40, help="how many, spread over the folder; 0: all")
    parser.add_argument("--out", type=Path, default=Path("fits.jpg"), help="the sheet, JPEG or PNG")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    try:
        print(run(options.photos, options.count, options.out, options.device))
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(photos: Path, count: int, out: Path, device: str) -> str:
    """Fit, draw, write the sheet; returns the measurements as Markdown."""
    cutouts = read(photos, count)
    head, renderer = head_and_renderer("open", device)
    fitters = {
        "landmarks": Fitter(head, renderer, photometric=False),
        "landmarks, colours, outline": Fitter(head, renderer),
    }
    cells, numbers = [], {name: [] for name in fitters}
    for start in tqdm(range(0, len(cutouts), BATCH), unit="batch"):
        batch = cutouts[start : start + BATCH]
        fitted = {name: fitter(*stacked(batch)) for name, fitter in fitters.items()}
        for name, result in fitted.items():
            numbers[name].append(measure(head, result, batch))
        cells.append(drawn(head, renderer, list(fitters.values())[1], batch, *fitted.values()))
    out.parent.mkdir(parents=True, exist_ok=True)
    write(tiled(torch.cat(cells)), out)
    return table({name: torch.cat(rows).mean(0).tolist() for name, rows in numbers.items()}, len(cutouts))


def read(photos: Path, count: int) -> list[Cutout]:
    """Faces of photographs spread evenly over a folder."""
    files = [source.file for source in find_sources(photos, photos / "none")[0]]
    step = max(1, len(files) // count) if count else 1
    found = [examine(str(photos / file), ANY_FACE, CROP) for file in files[::step][: count or None]]
    return [cutout for cutout in found if isinstance(cutout, Cutout)]


def measure(head: HeadModel, fitted: FittedImages, cutouts: list[Cutout]) -> Tensor:
    """[B, 4] share of ear and of skull vertices out of the person, median error of all points and of the contour's."""
    _, points, person, inside = stacked(cutouts)
    device = head.v_template.device
    step = CROP // 128
    outside = distance_outside(((person > 127) | ~inside)[:, ::step, ::step].to(device))
    fit = fitted.fit
    places = project(vertices_of(head, fit), fit.camera)[..., :2]
    out = (sticking_out(places, outside) > OUT).float()
    columns = [out[:, torch.stack([head.regions[name] for name in names]).any(0)].mean(1) for names in PARTS.values()]
    objective = LandmarkObjective(head, points[..., :2].to(device) / (CROP / 2) - 1)
    errors = objective.errors(objective.from_fit(fit)).detach()
    contour = errors[:, objective.on.rows("contour").to(device)]
    return torch.stack([*columns, errors.median(1).values, contour.median(1).values], 1)


@torch.no_grad()
def drawn(
    head: HeadModel, renderer: Renderer, fitter: Fitter, cutouts: list[Cutout], *fitted: FittedImages
) -> Tensor:
    """[B, 3, CELL, 5 CELL] a row of cells for each face."""
    crops = stacked(cutouts)[0].to(head.v_template.device).permute(0, 3, 1, 2).float() / 255
    cells = [crops]
    for result in fitted:
        clay = renderer(vertices_of(head, result.fit), None, result.fit.camera, CROP, crops)
        cells.append(torch.lerp(crops, clay.image, CLAY))
    fit, mask = fitted[-1].fit, fitted[-1].mask[:, None].float() / 255
    image, known = fitter.refinement.draw(fit, vertices_of(head, fit), CROP)
    shown = torch.lerp(crops, image, mask * known)
    cells += [shown, ((shown - crops).abs() * STRONGER)]
    return torch.cat([functional.interpolate(cell, (CELL, CELL), mode="area") for cell in cells], 3)


def tiled(cells: Tensor) -> Tensor:
    """Cells [N, 3, h, w] as one image of `COLUMNS` columns."""
    missing = -len(cells) % COLUMNS
    cells = torch.cat([cells, torch.ones_like(cells[:1]).expand(missing, -1, -1, -1)])
    rows = [torch.cat(list(row), 2) for row in cells.unflatten(0, (-1, COLUMNS))]
    return torch.cat(rows, 1)


def table(numbers: dict[str, list[float]], count: int) -> str:
    """Markdown."""
    titles = [f"{part} out of the person" for part in PARTS] + ["points, median error", "contour, median error"]
    rows = [f"| {count} photographs | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    rows += [
        f"| {name} | " + " | ".join(f"{100 * value:.2f} %" for value in row) + " |" for name, row in numbers.items()
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
