"""The linear texture model and the base texture of a head, from a data set of fitted photographs."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.utils import make_grid, save_image

from clipface.bake.baker import Baked, Baker
from clipface.bake.completion import complete
from clipface.bake.head_fit import HeadFit
from clipface.bake.mask import EYEBALLS, INSIDE
from clipface.bake.neutral import neutral_gains
from clipface.bake.texture import plain_skin
from clipface.data.faces import MaskedFaces
from clipface.photos.textures import included_rows, sharp_batches
from clipface.render.load import load_head_and_renderer
from clipface.render.uv import UVMap
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.linear import TextureModel, build_texture_model

BATCH = 16
BASE_SIZE, BAKED_SIZE, MODEL_SIZE = 512, 256, 128
COVERED = (0.35, 0.6)  # share of images that show a texel from which on the mean is trusted, and fully trusted
VARIES = 0.1  # share of images that show a texel of the model at least
GRAIN = 0.6  # exponent of the painted skin's detail in the base
BROAD, EAR_RIM = 1 / 25, 1 / 256  # of the texture's side: how wide painted skin is evened, and ears blend into it
EARS = ("right_ear", "left_ear")
EAR_TINT = (0.92, 0.87, 0.86)  # ears are redder than the face, and in its shade


@torch.no_grad()
def build(options: Namespace) -> None:
    """Bake, take out light, complete, find the components, write; takes the options of build_texture_model.py."""
    faces = MaskedFaces(options.dataset, BAKED_SIZE, match=options.match)
    head, renderer = load_head_and_renderer(HeadConfig(faces.head), RendererConfig(), options.device)
    baker = Baker(head, renderer, BAKED_SIZE)
    uv_map = baker.uv_map
    rows = included_rows(faces, options.exclude)
    fits, baked = bake_all(faces, rows, options.photos, baker)
    unlit = neutral(take_out_light(baker, fits, baked))
    base = base_texture(uv_map, UVMap(head, BASE_SIZE), unlit, plain_skin(head, renderer, BASE_SIZE)[None])
    coarse = functional.avg_pool2d(base, BASE_SIZE // BAKED_SIZE)
    completed = torch.cat([complete(uv_map, unlit.select(part), coarse) for part in batches(len(rows))])
    completed, weight = (torch.cat([part, uv_map.flipped(part)]) for part in (completed, unlit.weight))
    region = (weight.mean((0, 1)) > VARIES) & ~uv_map.region(list(EYEBALLS))
    shrink = BAKED_SIZE // MODEL_SIZE
    small = [functional.avg_pool2d(part, shrink) for part in (completed, weight, region[None, None].float())]
    model = build_texture_model(small[0], small[1], small[2][0, 0] > 0.5, options.count)
    print(model.save(options.out, head, base[0], options.note))
    if options.image:
        save_image(sheet(model, base), options.image)


def batches(count: int) -> list[slice]:
    """Rows of each batch."""
    return [slice(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]


def bake_all(faces: MaskedFaces, rows: Sequence[int], photos: Path | None, baker: Baker) -> tuple[HeadFit, Baked]:
    """Heads and textures, with their light, of some faces; `photos` as for `sharp_batches`."""
    fits, baked = [], []
    for _, fit, crops, mask in sharp_batches(faces, rows, BATCH, photos, baker.uv_map.texels.device):
        fits.append(fit)
        baked.append(baker.bake(fit, crops, mask))
    return HeadFit(*map(torch.cat, zip(*fits, strict=True))), Baked(*map(torch.cat, zip(*baked, strict=True)))


def mean_texture(uv_map: UVMap, baked: Baked) -> tuple[Tensor, Tensor]:
    """Symmetric mean [1, 3, R, R], relative to each texture's mean colour, and share of textures that show a texel."""
    relative = baked.texture / baked.mean_colour
    total, share = (relative * baked.weight).mean(0, keepdim=True), baked.weight.mean(0, keepdim=True)
    total, share = total + uv_map.flipped(total), share + uv_map.flipped(share)
    return total / share.clamp_min(1e-3), share / 2


def take_out_light(baker: Baker, fits: HeadFit, baked: Baked) -> Baked:
    """Textures without what makes each one's light differ from the mean one's, which stays in all alike."""
    mean, share = mean_texture(baker.uv_map, baked)
    mean = torch.where(share > VARIES / 2, mean, torch.ones_like(mean))
    colours, unlit = baked.mean_colour, []
    for rows in batches(len(colours)):
        part, fit = baked.select(rows), fits.select(rows)
        fit = fit._replace(light=baker.light(fit, part, mean * colours[rows]))
        unlit.append(baker.without_light(fit, part))
    return Baked(*map(torch.cat, zip(*unlit, strict=True)))


def neutral(baked: Baked) -> Baked:
    """Textures without the tint of lamps and cameras, which fits give to the light."""
    return Baked((baked.texture * neutral_gains(baked.mean_colour)).clamp(0, 1), baked.weight)


def base_texture(uv_map: UVMap, finer: UVMap, unlit: Baked, painted: Tensor) -> Tensor:
    """[1, 3, R', R'] the mean face, and around it painted skin of its colour, with the painter's eyes and mouth.

    Args:
        uv_map: of the baked textures.
        finer: of the base.
        unlit: baked textures without light.
        painted: [1, 3, R', R'] plain skin.
    """
    mean, share = mean_texture(uv_map, unlit)
    colour = unlit.mean_colour.mean(0, keepdim=True)
    # Averages end at the UV map's borders: they are continued, or enlarging would darken lids and lips.
    face = torch.cat([mean * colour, (share - COVERED[0]) / (COVERED[1] - COVERED[0])], 1).clamp(0, 1)
    face = face.flatten(2)[..., uv_map.nearest].view_as(face)
    face = functional.interpolate(face, painted.shape[-2:], mode="bilinear", align_corners=False)
    hard = (finer.region(list(EYEBALLS)) | finer.region(list(INSIDE)))[None, None]
    skin = torch.where(hard, painted, painted_skin(finer, painted, finer.covered & ~hard, colour))
    return complete(finer, Baked(face[:, :3], face[:, 3:] * finer.covered), skin.clamp(0, 1))


def painted_skin(uv_map: UVMap, painted: Tensor, where: Tensor, colour: Tensor) -> Tensor:
    """Painted skin [1, 3, R, R] in another colour [1, 3, 1, 1]; `where` [1, 1, R, R] bool, skin is painted."""
    # Painted skin has blushes and blotches of its own: its detail is kept, its broad colours are not. Mouth and eyes
    # lie beside it in the UV map, and are no broad colours of skin.
    size, where = painted.shape[-1], where.float()
    broad, rim = round(BROAD * size), round(EAR_RIM * size)
    even = _blurred(painted * where, broad) / _blurred(where, broad).clamp_min(1e-3)
    even = (painted / even.clamp_min(1e-3)) ** GRAIN * colour
    ears = uv_map.region(list(EARS))[None, None].float()
    grey = painted.mean(1, keepdim=True)
    ear = grey / (grey * ears).sum() * ears.sum() * colour * colour.new_tensor(EAR_TINT).view(1, 3, 1, 1)
    return torch.lerp(even, ear.clamp(0, 1), _blurred(ears, rim) * where)


def _blurred(image: Tensor, radius: int) -> Tensor:
    for _ in range(3):
        padded = functional.pad(image, (radius,) * 4, mode="replicate")
        image = functional.avg_pool2d(padded, 2 * radius + 1, 1)
    return image


def sheet(model: TextureModel, base: Tensor) -> Tensor:
    """[3, H, W] the base, the mean, and the first directions, two deviations to either side."""
    steps = 2 * torch.eye(model.count, device=base.device)[:7]
    textures = torch.cat([model.mean[None], model(torch.cat([-steps, steps]))])
    base = functional.interpolate(base, (model.size, model.size), mode="bilinear")
    return make_grid(torch.cat([base, textures]), 8, padding=0).clamp(0, 1)
