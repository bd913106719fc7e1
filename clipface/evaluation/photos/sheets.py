"""Fits and textures of photographs, measured and shown on sheets.

Of fits: to landmarks alone, beside those to colours and outline too. Of textures baked from a data set: how much of a
face is shown, how well faces lie on each other. Sharpness is the gradient of the mean texture over the mean gradient of
the individual ones: 1 if all faces had their lids and lips at the same texels and looked alike, near 0 if they lay
anyhow.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from clipface.bake.baker import Baked, Baker, vertices_of
from clipface.bake.texture import TextureBaker, previews
from clipface.data.faces import MaskedFaces
from clipface.evaluation.grid import grid
from clipface.evaluation.photos.fits import point_errors
from clipface.evaluation.tables import Table
from clipface.fit.fitter import FittedImages, Fitter, stored_batches
from clipface.fit.photometric import distance_outside, sticking_out
from clipface.head import HeadModel
from clipface.head.regions import region_mask
from clipface.photos.examine import SIZE
from clipface.photos.folder import ExaminedFaces
from clipface.render import Renderer
from clipface.render.camera import project
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig

BATCH = 16
PARTS = {"ears": ("right_ear", "left_ear"), "skull": ("scalp",)}
OUT = 0.01  # half images from which on a vertex counts as sticking out of the person
OUTLINE_SIZE = 128  # pixels that the person's outline is looked at in
CELL, FACES_A_ROW = 96, 4  # pixels of an image on the sheet of fits
CLAY = 0.62  # opacity of the head over the photograph
STRONGER = 3.0  # times that differences are shown
COLUMNS = ("photograph", "landmarks", "colours, outline", "texture model", f"difference x {STRONGER:.0f}")
TEXTURE_CELL, TEXTURE_COLUMNS = 150, ("photograph", "front", "30 degrees")
SHOWN = 0.0  # weight above which a texel counts as shown: masked in, and turned to the viewer (see baker.GRAZING)
SQUARELY = 0.5  # weight from which on its gradient is compared
AROUND = 1 / 20  # of the texture's side: how far around the lips the mouth's surroundings reach
LUMA = (0.299, 0.587, 0.114)


def compare_fits(head: HeadModel, renderer: Renderer, faces: ExaminedFaces) -> tuple[Table, Image.Image]:
    """Fit heads to landmarks alone, and to colours and outline too.

    Returns:
        Measurements of both, and a sheet that shows each photograph, both heads over it, the texture model's image in
        the mask, and how that differs from the photograph.
    """
    fitters = {
        "landmarks": Fitter(head, renderer, photometric=False),
        "landmarks, colours, outline": Fitter(head, renderer),
    }
    cells, numbers = [], {name: [] for name in fitters}
    for rows in tqdm(np.split(np.arange(len(faces.files)), range(BATCH, len(faces.files), BATCH))):
        fitted = {name: fitter(*faces.tensors(rows)) for name, fitter in fitters.items()}
        for name, result in fitted.items():
            numbers[name].append(_outline_and_errors(head, result, faces, rows))
        crops = faces.tensors(rows)[0].to(head.v_template.device)
        cells += _cells(head, renderer, fitters["landmarks, colours, outline"], crops, list(fitted.values()))
    title = f"{len(faces.files)} photographs, in percent"
    header = ["fitted to", *(f"{part} out of the person" for part in PARTS), "points, median", "contour, median"]
    means = {name: 100 * torch.cat(parts).mean(0) for name, parts in numbers.items()}
    table = Table(title, header, [[name, *(f"{value:.2f}" for value in row)] for name, row in means.items()])
    return table, sheet_of_faces(cells, COLUMNS, FACES_A_ROW)


def sheet_of_faces(faces: list[list[Tensor]], header: Sequence[str], in_a_row: int) -> Image.Image:
    """Lay out several faces in each row of a sheet; images [3, H, W] of each face are named by `header`."""
    faces = faces + [[torch.ones_like(image) for image in faces[0]]] * (-len(faces) % in_a_row)
    rows = [sum(faces[start : start + in_a_row], []) for start in range(0, len(faces), in_a_row)]
    return grid(rows, [*header] * in_a_row)


def _outline_and_errors(head: HeadModel, fitted: FittedImages, faces: ExaminedFaces, rows: np.ndarray) -> Tensor:
    """[B, 4] share of ear and of skull vertices out of the person, median error of all points and of the contour's."""
    _, _, person, inside = faces.tensors(rows)
    step, fit = SIZE // OUTLINE_SIZE, fitted.fit
    outside = distance_outside(((person > 127) | ~inside)[:, ::step, ::step].to(head.v_template.device))
    out = (sticking_out(project(vertices_of(head, fit), fit.camera)[..., :2], outside) > OUT).float()
    columns = [out[:, region_mask(head, names)].mean(1) for names in PARTS.values()]
    errors, contour = point_errors(head, faces.places[rows], fit)
    return torch.stack([*columns, errors.median(1).values, contour.median(1).values], 1)


@torch.no_grad()
def _cells(
    head: HeadModel, renderer: Renderer, fitter: Fitter, crops: Tensor, fitted: list[FittedImages]
) -> list[list[Tensor]]:
    """The images [3, CELL, CELL] of each face, as `COLUMNS` says."""
    crops = crops.permute(0, 3, 1, 2).float() / 255
    images = [crops]
    for result in fitted:
        clay = renderer(vertices_of(head, result.fit), None, result.fit.camera, SIZE, crops)
        images.append(torch.lerp(crops, clay.image, CLAY))
    fit, mask = fitted[-1].fit, fitted[-1].mask[:, None].float() / 255
    image, known = fitter.refinement.render(fit, vertices_of(head, fit), SIZE)
    shown = torch.lerp(crops, image, mask * known)
    images += [shown, (shown - crops).abs() * STRONGER]
    small = [functional.interpolate(image, (CELL, CELL), mode="area").cpu() for image in images]
    return [list(row) for row in zip(*small, strict=True)]


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
        turned = previews(head, renderer, fit.shape, baker(fit, crops, mask), TEXTURE_CELL).chunk(2, 3)
        images = functional.interpolate(crops.permute(0, 3, 1, 2).float() / 255, TEXTURE_CELL, mode="area")
        cells += [list(face) for face in zip(images, *turned, strict=True)]
    return sheet_of_faces(cells, TEXTURE_COLUMNS, FACES_A_ROW)


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
