"""Make the texture of a head from one or several photographs of a person, or textures of a whole data set.

python scripts/bake_texture.py --photo me.jpg --out me.png
python scripts/bake_texture.py --photo front.jpg left.jpg right.jpg --out me.png --size 1024
python scripts/bake_texture.py --dataset my_faces --out textures

Of photographs, the textures are completed by symmetry and from a base texture in the person's colours; beside each lies
a preview from the front and from 30 degrees.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from clipface.bake.texture import UNLIT, TextureBaker, previews
from clipface.data.faces import MaskedFaces
from clipface.fit.fitter import Fitter
from clipface.fit.stored import stored_images
from clipface.head import HeadModel, load_head
from clipface.photos.examine import examine
from clipface.photos.filter import FilterRule
from clipface.photos.heads import stacked
from clipface.render import Renderer
from clipface.synthetic.faces import PaintedFaces
from clipface.texture.linear import load_texture_model

BATCH = 8
CROP = 512  # pixels
PREVIEW = 384
# Nothing but what makes a fit impossible: who asks for one photograph wants it as it is.
ANY_FACE = FilterRule(
    least_face=0,
    most_yaw=180,
    most_pitch=180,
    most_roll=180,
    least_sharpness=0,
    second_face=0,
    eyewear_rim=0,
    eyewear_bridge=0,
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    one = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = one.add_mutually_exclusive_group(required=True)
    source.add_argument("--photo", type=Path, nargs="+", help="photographs of one person, which make one texture")
    source.add_argument("--dataset", type=Path, help="folder that scripts/prepare_photos.py wrote: a texture a face")
    one.add_argument("--out", type=Path, required=True, help="PNG file, or with --dataset a folder")
    one.add_argument("--head", default="open", choices=("open", "flame"), help="head to fit (photographs only)")
    one.add_argument("--size", type=int, default=512, help="side of the texture, pixels")
    one.add_argument("--unlit", type=float, default=UNLIT, help="how much of the fitted light is taken out, 0 to 1")
    one.add_argument("--no-preview", action="store_true", help="textures only")
    one.add_argument("--device", default="cpu", help="cpu, cuda")
    return one


def main() -> int:
    options = parser().parse_args()
    try:
        bake_dataset(options) if options.dataset else bake_photographs(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def bake_photographs(options: argparse.Namespace) -> None:
    """One texture of one person."""
    head, renderer = head_and_renderer(options.head, options.device)
    cutouts = []
    for path in options.photo:
        cutout = examine(str(path), ANY_FACE, CROP)
        if isinstance(cutout, str):
            raise ValueError(f"{path}: {cutout}")
        cutouts.append(cutout)
    crops, points, person, inside = stacked(cutouts)
    one_person = torch.zeros(len(cutouts), dtype=torch.long)
    fitted = Fitter(head, renderer)(crops, points, person, inside, one_person)
    baker = TextureBaker(head, renderer, base_texture(head, renderer), options.size, options.unlit)
    texture = baker.of_one_person(fitted.fit, crops.to(options.device), fitted.mask)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write(texture[0], options.out)
    print(options.out)
    if not options.no_preview:
        path = options.out.with_name(f"{options.out.stem}_preview.png")
        write(previews(head, renderer, fitted.fit.shape[:1], texture, PREVIEW)[0], path)
        print(path)


def bake_dataset(options: argparse.Namespace) -> None:
    """A texture of each face of a data set, under the face's name."""
    faces = MaskedFaces(options.dataset, CROP)
    head, renderer = head_and_renderer(faces.head, options.device)
    baker = TextureBaker(head, renderer, base_texture(head, renderer), options.size, options.unlit)
    for start in tqdm(range(0, len(faces), BATCH), unit="batch"):
        chosen = range(start, min(start + BATCH, len(faces)))
        fit, crops, mask = stored_images(faces, chosen, options.device)
        textures = baker(fit, crops, mask)
        drawn = None if options.no_preview else previews(head, renderer, fit.shape, textures, PREVIEW)
        for row, index in enumerate(chosen):
            path = options.out / f"{faces.names[index]}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(textures[row], path)
            if drawn is not None:
                write(drawn[row], path.with_name(f"{path.stem}_preview.png"))


def head_and_renderer(name: str, device: str) -> tuple[HeadModel, Renderer]:
    """A head and its renderer."""
    head = load_head(name).to(device)
    return head, Renderer(head.faces, head.uv, head.uv_faces).to(device)


def base_texture(head: HeadModel, renderer: Renderer) -> Tensor:
    """[3, R, R] the texture that fills what no photograph shows: the shipped one, or else a painted one."""
    shipped = load_texture_model(head)
    if shipped is not None:
        return shipped[1]
    return plain_skin(head, renderer)


def plain_skin(head: HeadModel, renderer: Renderer, size: int = 512) -> Tensor:
    """[3, size, size] a painted texture without hair, make-up or marks."""
    painted = PaintedFaces(head, renderer, size)
    look = {"sex": "woman", "age": "young", "skin": "fair", "eyes": "brown", "hair": "bald", "beard": "none"}
    look |= {"moustache": False, "freckles": False, "wrinkles": False, "tired": False, "scar": False}
    look |= {"makeup": "none", "lipstick": "none", "look": "none", "expression": "neutral"}
    return painted.sample(1, torch.Generator(head.v_template.device).manual_seed(1), 32, attributes=look).texture[0]


def write(image: Tensor, path: Path) -> None:
    """Write [3, H, W] in 0..1 as a PNG."""
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)


if __name__ == "__main__":
    sys.exit(main())
