"""Edit faces with trained mappers, without training again, or with looks that need none.

python scripts/edit.py --mapper runs/zombie --latents 0:8 --output edited
python scripts/edit.py --mapper runs/old runs/clown --strength 0.7 1.2 --latents my_codes.pt --output edited --glb
python scripts/edit.py --mapper look:zombie --latents 0:4 --output edited
python scripts/edit.py --mapper trained.pt --generator stylegan_G.pth --head flame --latents code.pt --output edited

Several mappers edit one after the other, or with --mix all at once. Writes `faces.png` (before, after, geometry, second
view), a folder `textures` with `NNNN.png` for each face and, with --glb, `NNNN.glb`; prints the time a face takes.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from clipface import startup  # isort: skip

startup.prepare()

import torch
from torch import Tensor

from clipface.edit.apply import EditedFaces, edit_in_turn, mix_edits, unedited
from clipface.edit.avatar import Avatar
from clipface.edit.files import latents, mapper_notes, read_mapper
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import Codes, FaceMapper
from clipface.evaluation.faces import HEADER, face_rows
from clipface.evaluation.grid import grid, to_image
from clipface.evaluation.timing import synchronized_time
from clipface.export.glb import write_glb
from clipface.settings import HeadConfig, RendererConfig

PSI = 0.7  # of drawn faces where no mapper's run says


class Result(NamedTuple):
    """Edited faces, and how long each took."""

    edited: EditedFaces
    textures: tuple[Tensor, Tensor]  # before and after, [N, 3, R, R] in 0..1
    ms_a_face: float  # codes to textures and vertices
    ms_a_image_row: float  # the six images of a face


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--mapper", nargs="+", type=Path, required=True, help="runs, files of mappers (the authors' too), look:NAME")
    add("--strength", nargs="+", type=float, default=[1.0], help="one for all or one for each; negative: the opposite")
    add("--mix", action="store_true", help="add the edits up instead of one after the other")
    add("--latents", required=True, help="codes as .pt, .npz, .safetensors, or seeds to draw faces from: 0:8 is 0 to 7")
    add("--psi", type=float, help="truncation of drawn faces, 0..1 (left out: that of the first mapper's run)")
    add("--output", type=Path, required=True, help="folder to write into")
    add("--glb", action="store_true", help="write the edited heads as GLB too")
    add("--size", type=int, default=256, help="side of each image, pixels")
    add("--batch", type=int, default=8, help="faces edited at once")
    add("--generator", help="weights of the generator, the authors' too (left out: that of the first mapper's run)")
    add("--head", choices=("open", "flame"), help="left out: that of the first mapper's run")
    add("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


@torch.no_grad()
def main(arguments: Sequence[str] | None = None) -> Result:
    """Edit and write; returns the last batch's faces."""
    options = parse(arguments)
    strengths = options.strength * (len(options.mapper) if len(options.strength) == 1 else 1)
    avatar, mappers, psi = load(options)
    codes = latents(options.latents, avatar, psi)
    for folder in (options.output, options.output / "textures"):
        folder.mkdir(parents=True, exist_ok=True)
    edit = mix_edits if options.mix else edit_in_turn
    rows, results = [], []
    for start in range(0, len(codes.shape), options.batch):
        part = codes.rows(slice(start, start + options.batch))
        results.append(edit_and_render(avatar, part, lambda x: edit(avatar, x, mappers, strengths), options.size, rows))
        write_faces(options.output, start, avatar, results[-1], options.glb)
    names = [str(number) for number in range(len(rows))]
    grid(rows, HEADER, names).save(options.output / "faces.png")
    # The first batch compiles kernels and warms up, so where there are several it is not counted.
    counted = results[1:] or results
    edits, images = (sum(times) / len(counted) for times in zip(*(result[2:] for result in counted), strict=True))
    print(f"{len(rows)} faces on {options.device}: {edits:.0f} ms to edit a face, {images:.0f} ms for six images")
    print(f"Written to {options.output}: faces.png, textures/{' and the heads as .glb' if options.glb else ''}")
    return results[-1]


def load(options: argparse.Namespace) -> tuple[Avatar, list[FaceMapper], float]:
    """Load generator, head and mappers, and tell the truncation.

    Raises:
        ValueError: if the mappers' runs had different heads or generators, and the command line does not settle it.
    """
    first = mapper_notes(options.mapper[0])
    head = HeadConfig(options.head) if options.head else HeadConfig(**first.get("head", {}))
    generator = options.generator or first.get("generator")
    avatar = load_avatar(generator, head, RendererConfig(options.renderer)).to(options.device)
    mappers = []
    for file in options.mapper:
        mapper, notes = read_mapper(file, avatar.generator.levels)
        for key, chosen in (("head", options.head), ("generator", options.generator)):
            if notes and not chosen and notes.get(key) != first.get(key):
                raise ValueError(f"mapper: all of one {key} are wanted, {file} has another; --{key} would settle it")
        mappers.append(mapper.to(options.device))
    return avatar, mappers, options.psi if options.psi is not None else first.get("psi", PSI)


def edit_and_render(
    avatar: Avatar, codes: Codes, edit: Callable[[EditedFaces], EditedFaces], size: int, rows: list
) -> Result:
    """Edit faces, measure how long it takes, and append their images to `rows`."""
    before = unedited(codes)
    textures = [before.texture(avatar)]
    started = synchronized_time(codes.w_plus.device)
    edited = edit(before)
    textures.append(edited.texture(avatar))
    avatar.head(edited.shape, edited.expression)
    drawn = synchronized_time(codes.w_plus.device)
    rows += face_rows(avatar, (codes, edited.codes), tuple(textures), size)
    times = drawn - started, synchronized_time(codes.w_plus.device) - drawn
    return Result(edited, tuple(textures), *(1000 * seconds / len(codes.shape) for seconds in times))


def write_faces(output: Path, start: int, avatar: Avatar, result: Result, glb: bool) -> None:
    """Write textures, and heads if wanted, numbered from `start` on."""
    vertices = avatar.head(result.edited.shape, result.edited.expression)
    for number, (texture, points) in enumerate(zip(result.textures[1], vertices, strict=True), start):
        if glb:
            write_glb(output / "textures" / f"{number:04d}.glb", points, avatar.head, texture)  # writes the PNG too
        else:
            to_image(texture).save(output / "textures" / f"{number:04d}.png")


if __name__ == "__main__":
    main()
