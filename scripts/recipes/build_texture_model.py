"""Build the linear texture model and the base texture of a head from a data set of fitted photographs.

python scripts/recipes/build_texture_model.py --dataset my_faces --out data/texture_model.safetensors --note "made of ..."
python scripts/recipes/build_texture_model.py --dataset my_faces --count 80 --out my_data/texture_model.safetensors
python scripts/recipes/build_texture_model.py --dataset my_faces --image directions.png --out my_model.safetensors

The data set is what scripts/prepare_photos.py writes. The shipped model (of the open head) serves the photometric fit;
for another head put the result into the folder that CLIPFACE_DATA names. Of the data set only geometry, images and
masks are used, so landmark fits are enough to begin.
"""

import argparse
from pathlib import Path

import torch
from bake_texture import head_and_renderer, plain_skin, write
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from clipface.bake.completion import complete
from clipface.bake.head_fit import HeadFit
from clipface.bake.mask import EYEBALLS, INSIDE
from clipface.bake.visibility import Baked, bake, light_of, without_light
from clipface.data.faces import MaskedFaces
from clipface.fit.stored import stored_images
from clipface.render import Renderer
from clipface.render.uv import UVMap
from clipface.texture.linear import build_texture_model

BATCH = 16
BASE_SIZE, MODEL_SIZE = 256, 128
SEEN = (0.35, 0.6)  # share of images that show a texel from which on the mean is trusted, and wholly trusted
VARIES = 0.1  # share of images that show a texel of the model at least
GRAIN = 0.6  # exponent of the painted skin's detail in the base
EARS = ("right_ear", "left_ear")
EAR_TINT = (0.92, 0.87, 0.86)  # ears are redder than the face, and in its shade


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True, help="folder that scripts/prepare_photos.py wrote")
    parser.add_argument("--out", type=Path, default=Path("data/texture_model.safetensors"))
    parser.add_argument("--count", type=int, default=40, help="number of directions")
    parser.add_argument("--note", default="", help="what it was made of and whom to credit; kept in the file")
    parser.add_argument("--image", type=Path, help="PNG of the base, the mean and the first directions")
    parser.add_argument("--device", default="cpu")
    build(parser.parse_args())


@torch.no_grad()
def build(options: argparse.Namespace) -> None:
    """Bake, take out light, complete, find the components, write."""
    faces = MaskedFaces(options.dataset, BASE_SIZE)
    head, renderer = head_and_renderer(faces.head, options.device)
    uv_map = UVMap(head, BASE_SIZE)
    fits, baked = bake_all(faces, uv_map, renderer)
    unlit = take_out_light(uv_map, fits, baked)
    base = base_texture(uv_map, unlit, plain_skin(head, renderer, BASE_SIZE)[None])
    whole = torch.cat([complete(uv_map, Baked(*(p[rows] for p in unlit)), base) for rows in batches(len(faces))])
    whole, weight = (torch.cat([part, uv_map.flipped(part)]) for part in (whole, unlit.weight))
    region = (weight.mean((0, 1)) > VARIES) & ~uv_map.region(list(EYEBALLS))
    shrink = BASE_SIZE // MODEL_SIZE
    small = [functional.avg_pool2d(part, shrink) for part in (whole, weight, region[None, None].float())]
    model = build_texture_model(small[0], small[1], small[2][0, 0] > 0.5, options.count)
    print(model.save(options.out, head, base[0], options.note))
    if options.image:
        write(sheet(model, base), options.image)


def batches(count: int) -> list[slice]:
    return [slice(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]


def bake_all(faces: MaskedFaces, uv_map: UVMap, renderer: Renderer) -> tuple[HeadFit, Baked]:
    """Heads and textures, with their light, of all faces."""
    fits, baked = [], []
    for rows in tqdm(batches(len(faces)), unit="batch"):
        fit, crops, mask = stored_images(faces, range(rows.start, rows.stop), uv_map.texels.device)
        fits.append(fit)
        baked.append(bake(uv_map, renderer, fit, crops, mask))
    return HeadFit(*map(torch.cat, zip(*fits, strict=True))), Baked(*map(torch.cat, zip(*baked, strict=True)))


def mean_colours(baked: Baked) -> Tensor:
    """[N, 3, 1, 1] mean colour of each texture."""
    total = baked.weight.sum((2, 3), keepdim=True)
    return (baked.texture * baked.weight).sum((2, 3), keepdim=True) / total.clamp_min(1e-3)


def mean_texture(uv_map: UVMap, baked: Baked) -> tuple[Tensor, Tensor]:
    """Symmetric mean [1, 3, R, R], relative to each texture's mean colour, and share of textures that show a texel."""
    relative = baked.texture / mean_colours(baked).clamp_min(1e-3)
    total, share = (relative * baked.weight).mean(0, keepdim=True), baked.weight.mean(0, keepdim=True)
    total, share = total + uv_map.flipped(total), share + uv_map.flipped(share)
    return total / share.clamp_min(1e-3), share / 2


def take_out_light(uv_map: UVMap, fits: HeadFit, baked: Baked) -> Baked:
    """Textures without what makes each one's light differ from the mean one's, which stays in all alike."""
    mean, share = mean_texture(uv_map, baked)
    mean = torch.where(share > VARIES / 2, mean, torch.ones_like(mean))
    colours, unlit = mean_colours(baked), []
    for rows in batches(len(colours)):
        part, fit = Baked(*(p[rows] for p in baked)), fits.select(rows)
        fit = fit._replace(light=light_of(uv_map, fit, part, mean * colours[rows]))
        unlit.append(without_light(uv_map, fit, part))
    return Baked(*map(torch.cat, zip(*unlit, strict=True)))


def base_texture(uv_map: UVMap, unlit: Baked, painted: Tensor) -> Tensor:
    """[1, 3, R, R] the mean face, and around it painted skin of its colour."""
    mean, share = mean_texture(uv_map, unlit)
    colour = mean_colours(unlit).mean(0, keepdim=True)
    hard = (uv_map.region(list(EYEBALLS)) | uv_map.region(list(INSIDE)))[None, None]
    ears = _blurred(functional.max_pool2d(uv_map.region(list(EARS))[None, None].float(), 9, 1, 4), 2)
    # Painted skin has blushes and blotches of its own: its detail is kept, its broad colours are not.
    even = (painted / _blurred(painted, 10)) ** GRAIN * colour
    grey = painted.mean(1, keepdim=True)
    ear = grey / (grey * ears).sum() * ears.sum() * colour * colour.new_tensor(EAR_TINT).view(1, 3, 1, 1)
    skin = torch.lerp(even, ear.clamp(0, 1), ears)
    trust = ((share - SEEN[0]) / (SEEN[1] - SEEN[0])).clamp(0, 1)
    return complete(uv_map, Baked((mean * colour).clamp(0, 1), trust), torch.where(hard, painted, skin).clamp(0, 1))


def _blurred(image: Tensor, radius: int) -> Tensor:
    for _ in range(3):
        padded = functional.pad(image, (radius,) * 4, mode="replicate")
        image = functional.avg_pool2d(padded, 2 * radius + 1, 1)
    return image


def sheet(model, base: Tensor) -> Tensor:
    """[3, H, W] the base, the mean, and the first directions, two deviations to either side."""
    steps = 2 * torch.eye(model.count, device=base.device)[:7]
    textures = torch.cat([model.mean[None], model(torch.cat([-steps, steps]))])
    textures = torch.cat([functional.interpolate(base, (model.size, model.size), mode="bilinear"), textures])
    return torch.cat([torch.cat(list(row), 2) for row in textures.view(2, 8, *textures.shape[1:])], 1)


if __name__ == "__main__":
    main()
