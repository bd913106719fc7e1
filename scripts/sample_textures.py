"""Draw textures from a generator: images of each, and its style code.

python scripts/sample_textures.py --seeds 0-63 --psi 0.7 --out samples
python scripts/sample_textures.py --generator runs/my_gan/generator.safetensors --psi 1 --out varied
python scripts/sample_textures.py --seeds 0-999 --codes-only --out codes
python scripts/sample_textures.py --seeds 64-69 --looks zombie clown beard --out looks

Writes for each seed `NNNN.png` (the texture), `NNNN_views.png` (three views on the mean head) and `NNNN.pt` (the code
[L, w_dim], as the authors' latent code files hold it), `heads.png` with all faces on random heads (with --looks a row
for each face, as it is and in these looks), and all codes in `codes.safetensors`: those of the first half of the seeds
under the name `train`, the others under `validation`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from clipface import assets, weights
from clipface.edit.attributes import PREFIX, look_mapper
from clipface.edit.avatar import Avatar
from clipface.edit.files import sample_latents
from clipface.edit.mapper import Codes
from clipface.evaluation.grid import grid, to_image
from clipface.render.camera import view
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.generator import TextureGenerator
from trainer.texture_gan.snapshots import views_of

COLUMNS = 8  # of the sheet of heads


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", help="weights of a generator (the shipped one if left out)")
    parser.add_argument("--seeds", type=parse_seeds, default="0-7", help="numbers and ranges: 0-7,12")
    parser.add_argument("--psi", type=float, default=0.7, help="truncation: 0 the mean texture, 1 the whole variety")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--codes-only", action="store_true", help="write no images")
    parser.add_argument("--looks", nargs="+", default=[], metavar="NAME", help="of the shipped generator: zombie ...")
    parser.add_argument("--head", default="open", choices=("open", "flame"))
    parser.add_argument("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


def parse_seeds(words: str) -> list[int]:
    """Seeds of "0-7,12"."""
    seeds = []
    for word in words.split(","):
        first, dash, last = word.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"numbers and ranges such as 0-7,12 are wanted, {words!r} was given")
        seeds += range(int(first), int(last or first) + 1)
    if not seeds:
        raise argparse.ArgumentTypeError(f"at least one seed is wanted, {words!r} was given")
    return seeds


def render_heads(avatar: Avatar, faces: Codes, size: int = 224) -> Image.Image:
    """Lay out faces from the front, eight in a row, each on its own head."""
    device, parts = faces.shape.device, []
    for start in range(0, len(faces.shape), COLUMNS):
        part = faces.rows(slice(start, start + COLUMNS))
        front = torch.zeros(len(part.shape), device=device)
        drawn = avatar.image(avatar.texture(part.w_plus), part.shape, None, None, view(front, front), size)
        parts.append(list(drawn) + [torch.ones_like(drawn[0])] * (COLUMNS - len(drawn)))
    return grid(parts, [""] * COLUMNS)


def render_looks(avatar: Avatar, faces: Codes, names: Sequence[str], size: int = 224) -> Image.Image:
    """Lay out faces from the front on their own heads, a row for each: as it is, then in each look."""
    mappers = [look_mapper(PREFIX + name, avatar.generator.levels).to(faces.shape.device) for name in names]
    front, rows = torch.zeros(len(names) + 1, device=faces.shape.device), []
    for row in range(len(faces.shape)):
        face = faces.rows(slice(row, row + 1))
        w_plus = torch.cat([face.w_plus, *(mapper(face).w_plus for mapper in mappers)])
        shape = face.shape.expand(len(w_plus), -1)
        rows.append(list(avatar.image(avatar.texture(w_plus), shape, None, None, view(front, front), size)))
    return grid(rows, ["plain", *(name.replace("_", " ") for name in names)])


@torch.no_grad()
def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files."""
    options = parse(arguments)
    path = options.generator or assets.resolve("generator")
    generator = TextureGenerator.from_weights(path).to(options.device)
    head, renderer = load_head_and_renderer(HeadConfig(options.head), RendererConfig(options.renderer))
    avatar = Avatar(generator, head.to(options.device), renderer.to(options.device))
    faces = sample_latents(avatar, options.seeds, options.psi)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed, code in zip(options.seeds, faces.w_plus, strict=True):
        torch.save(code.cpu().clone(), options.out / f"{seed:04d}.pt")
        if not options.codes_only:
            to_image(avatar.texture(code[None])[0]).save(options.out / f"{seed:04d}.png")
            views_of(avatar, code[None]).save(options.out / f"{seed:04d}_views.png")
    if not options.codes_only:
        sheet = render_looks(avatar, faces, options.looks) if options.looks else render_heads(avatar, faces)
        sheet.save(options.out / "heads.png")
    half = (len(faces.w_plus) + 1) // 2
    parts = {"train": faces.w_plus[:half], "validation": faces.w_plus[half:]}
    config = {"seeds": options.seeds, "psi": options.psi, "generator_sha256": assets.checksum(Path(path))}
    weights.save(options.out / "codes.safetensors", parts, config)
    print(f"{len(faces.w_plus)} codes: {options.out / 'codes.safetensors'}")


if __name__ == "__main__":
    main()
