"""Measure textures baked from a data set: how much of a face is shown, and how well faces lie on each other.

python scripts/measure/textures.py --dataset my_faces
python scripts/measure/textures.py --dataset my_faces --match london/.*_03
python scripts/measure/textures.py --dataset my_faces --sheet docs/baked.jpg

Sharpness is the gradient of the mean texture over the mean gradient of the individual ones: 1 if all faces had their
lids and lips at the same texels and looked alike, near 0 if they lay anyhow. The sheet shows whole textures on heads of
neutral expression: the photograph, the head from the front and turned by 30 degrees.
"""

import argparse
import re
from pathlib import Path

import torch
from bake_texture import base_texture, head_and_renderer, write
from fit_sheet import tiled
from torch import Tensor
from torch.nn import functional

from clipface.bake.texture import TextureBaker, previews
from clipface.bake.visibility import Baked, bake
from clipface.data.faces import MaskedFaces
from clipface.fit.stored import stored_images
from clipface.render.uv import UVMap

BATCH = 16
CELL = 150  # pixels, of the sheet
SHOWN = 0.0  # weight above which a texel counts as shown: masked in, and turned to the viewer (see bake.GRAZING)
SQUARELY = 0.5  # weight from which on its gradient is compared
AROUND = 1 / 20  # of the texture's side: how far around the lips the mouth's surroundings reach
LUMA = (0.299, 0.587, 0.114)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True, help="folder that scripts/prepare_photos.py wrote")
    parser.add_argument("--match", default="", help="regular expression of the photographs' names to take")
    parser.add_argument("--size", type=int, default=256, help="side of the textures, pixels")
    parser.add_argument("--sheet", type=Path, help="image to write, JPEG or PNG")
    parser.add_argument("--people", type=int, default=24, help="on the sheet, spread over the data set")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    faces = MaskedFaces(options.dataset, options.size)
    chosen = [i for i, name in enumerate(faces.sources or faces.names) if re.search(options.match, name)]
    if len(chosen) < 2:
        raise ValueError(f"match: two faces or more are wanted, {options.match!r} fits {len(chosen)} of {len(faces)}")
    print(table(measure(faces, chosen, options.size, options.device)))
    if options.sheet:
        step = max(1, len(chosen) // options.people)
        write(sheet(faces, chosen[step // 2 :: step][: options.people], options.device), options.sheet)


@torch.no_grad()
def measure(faces: MaskedFaces, chosen: list[int], size: int, device: str) -> dict[str, float]:
    """Numbers by name.

    Args:
        faces: the data set.
        chosen: which of its faces.
        size: of the textures.
        device: "cpu" or "cuda".
    """
    head, renderer = head_and_renderer(faces.head, device)
    uv_map = UVMap(head, size)
    parts = []
    for start in range(0, len(chosen), BATCH):
        fit, crops, mask = stored_images(faces, chosen[start : start + BATCH], device)
        parts.append(bake(uv_map, renderer, fit, crops, mask))
    baked = Baked(*map(torch.cat, zip(*parts, strict=True)))
    face = uv_map.region(["face"])
    numbers = {"photographs": len(chosen), "face region shown": covered(baked.weight, face)}
    around = round(size * AROUND) // 2 * 2 + 1
    mouth = functional.max_pool2d(uv_map.region(["lips"])[None, None].float(), around, 1, around // 2)[0, 0] > 0
    eyes = uv_map.region(["eye_region", "right_eye_region", "left_eye_region"])
    for name, region in (("eyes", eyes), ("mouth", mouth), ("face", face)):
        numbers[f"sharpness of the mean, {name}"] = sharpness(baked, region)
    return numbers


def sheet(faces: MaskedFaces, chosen: list[int], device: str) -> Tensor:
    """[3, H, W] photograph, front and 30 degrees of each face."""
    head, renderer = head_and_renderer(faces.head, device)
    baker = TextureBaker(head, renderer, base_texture(head, renderer))
    cells = []
    for start in range(0, len(chosen), 8):
        fit, crops, mask = stored_images(faces, chosen[start : start + 8], device)
        turned = previews(head, renderer, fit.shape, baker(fit, crops, mask), CELL)
        images = crops.permute(0, 3, 1, 2).float() / 255
        cells.append(torch.cat([functional.interpolate(images, (CELL, CELL), mode="area"), turned], 3))
    return tiled(torch.cat(cells))


def covered(weight: Tensor, region: Tensor) -> float:
    """Share of a region's texels that an image shows, mean over images."""
    return float((weight[:, 0][:, region] > SHOWN).float().mean())


def sharpness(baked: Baked, region: Tensor) -> float:
    """Gradient of the mean texture over the mean gradient of the textures, in a region [R, R]."""
    grey = (baked.texture * baked.texture.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1)
    seen = (baked.weight[:, 0] > SQUARELY).float()
    mean = (grey * seen).sum(0) / seen.sum(0).clamp_min(1)
    both = torch.minimum(torch.minimum(seen[:, :-1, :-1], seen[:, 1:, :-1]), seen[:, :-1, 1:])
    share = both.mean(0) * (both.mean(0) > SQUARELY) * region[:-1, :-1]
    single = (_gradient(grey) * both).sum(0) / both.sum(0).clamp_min(1)
    return float((_gradient(mean) * share).sum() / (single * share).sum())


def _gradient(grey: Tensor) -> Tensor:
    across, down = grey[..., :-1, 1:] - grey[..., :-1, :-1], grey[..., 1:, :-1] - grey[..., :-1, :-1]
    return (across.square() + down.square()).sqrt()


def table(numbers: dict[str, float]) -> str:
    """Markdown."""
    rows = [f"| {name} | {value:.2f} |" if isinstance(value, float) else f"| {name} | {value} |"
            for name, value in numbers.items()]  # fmt: skip
    return "\n".join(["| | |", "|---|---|", *rows])


if __name__ == "__main__":
    main()
