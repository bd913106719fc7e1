"""Textures baked from a data set: how much of a face is shown, how well faces lie on each other, and a sheet of them.

Sharpness is the gradient of the mean texture over the mean gradient of the individual ones: 1 if all faces had their
lids and lips at the same texels and looked alike, near 0 if they lay anyhow.
"""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import Baked, Baker
from clipface.bake.texture import TextureBaker, previews
from clipface.data.faces import MaskedFaces
from clipface.evaluation.photos.comparison import sheet_of_faces
from clipface.evaluation.tables import Table
from clipface.fit.fitter import stored_batches
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig

BATCH = 16
CELL, FACES_A_ROW = 150, 4  # pixels of an image on the sheet
COLUMNS = ("photograph", "front", "30 degrees")
SHOWN = 0.0  # weight above which a texel counts as shown: masked in, and turned to the viewer (see baker.GRAZING)
SQUARELY = 0.5  # weight from which on its gradient is compared
AROUND = 1 / 20  # of the texture's side: how far around the lips the mouth's surroundings reach
LUMA = (0.299, 0.587, 0.114)


@torch.no_grad()
def measure_textures(faces: MaskedFaces, chosen: Sequence[int], size: int, device: str) -> Table:
    """Measure how much of a face textures show, and how sharp their mean is.

    Args:
        faces: the data set.
        chosen: which of its faces.
        size: of the textures.
        device: "cpu" or "cuda".
    """
    head, renderer = load_head_and_renderer(HeadConfig(faces.head), RendererConfig(), device)
    baker = Baker(head, renderer, size)
    uv_map = baker.uv_map
    parts = [baker.bake(*stored) for stored in stored_batches(faces, chosen, BATCH, device)]
    baked = Baked(*map(torch.cat, zip(*parts, strict=True)))
    face = uv_map.region(["face"])
    shown = float((baked.weight[:, 0][:, face] > SHOWN).float().mean())
    rows = [["photographs", str(len(chosen))], ["face region shown", f"{shown:.2f}"]]
    around = round(size * AROUND) // 2 * 2 + 1
    mouth = functional.max_pool2d(uv_map.region(["lips"])[None, None].float(), around, 1, around // 2)[0, 0] > 0
    eyes = uv_map.region(["eye_region", "right_eye_region", "left_eye_region"])
    for name, region in (("eyes", eyes), ("mouth", mouth), ("face", face)):
        rows.append([f"sharpness of the mean, {name}", f"{sharpness(baked, region):.2f}"])
    return Table(f"Textures of {faces.path.name}", ["", ""], rows)


@torch.no_grad()
def sheet_of_textures(faces: MaskedFaces, chosen: Sequence[int], device: str) -> Image.Image:
    """Show the photograph, and the completed texture from the front and from 30 degrees, of each face."""
    head, renderer = load_head_and_renderer(HeadConfig(faces.head), RendererConfig(), device)
    baker, cells = TextureBaker(head, renderer), []
    for fit, crops, mask in stored_batches(faces, chosen, BATCH // 2, device):
        turned = previews(head, renderer, fit.shape, baker(fit, crops, mask), CELL).chunk(2, 3)
        images = functional.interpolate(crops.permute(0, 3, 1, 2).float() / 255, (CELL, CELL), mode="area")
        cells += [list(face) for face in zip(images, *turned, strict=True)]
    return sheet_of_faces(cells, COLUMNS, FACES_A_ROW)


def sharpness(baked: Baked, region: Tensor) -> float:
    """Gradient of the mean texture over the mean gradient of the textures, in a region [R, R]."""
    grey = (baked.texture * baked.texture.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1)
    visible = (baked.weight[:, 0] > SQUARELY).float()
    mean = (grey * visible).sum(0) / visible.sum(0).clamp_min(1)
    both = torch.minimum(torch.minimum(visible[:, :-1, :-1], visible[:, 1:, :-1]), visible[:, :-1, 1:])
    share = both.mean(0) * (both.mean(0) > SQUARELY) * region[:-1, :-1]
    single = (_gradient(grey) * both).sum(0) / both.sum(0).clamp_min(1)
    return float((_gradient(mean) * share).sum() / (single * share).sum())


def _gradient(grey: Tensor) -> Tensor:
    across, down = grey[..., :-1, 1:] - grey[..., :-1, :-1], grey[..., 1:, :-1] - grey[..., :-1, :-1]
    return (across.square() + down.square()).sqrt()
