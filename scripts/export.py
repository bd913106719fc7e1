"""Write a face for other programs: a GLB to pose and animate, OBJ with material and texture, or PLY.

python scripts/export.py --seed 7 --output face.glb
python scripts/export.py --seed 7 --mapper runs/zombie --strength 0.8 --output zombie.glb zombie.obj zombie.ply
python scripts/export.py --latents my_codes.npz --face 2 --mapper runs/old runs/clown --mix --output both.glb
python scripts/export.py --seed 7 --expressions jawOpen mouthSmileLeft mouthSmileRight --output small.glb

The GLB holds skin, five joints, texture, the expressions by name and the edit as morph targets; what each format
carries stands in docs/export.md. Several mappers edit one after the other, or with --mix all at once.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from clipface import startup  # isort: skip

startup.prepare()

import torch
from edit import PSI
from edit import load as load_mappers
from torch import Tensor

from clipface.edit.apply import EditedFaces, edit_in_turn, mix_edits, unedited
from clipface.edit.avatar import Avatar
from clipface.edit.files import read_latents, sample_latents
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import Codes, FaceMapper
from clipface.export import write_obj, write_ply, write_rigged_glb
from clipface.settings import HeadConfig, RendererConfig

FORMATS = (".glb", ".obj", ".ply")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--output", nargs="+", type=Path, required=True, help="files to write; the ending says what: .glb, .obj, .ply")
    add("--seed", type=int, help="of the face (0)")
    add("--latents", type=Path, help="instead of a seed: codes as .pt, .npz or .safetensors")
    add("--face", type=int, default=0, help="which one of the codes, from 0")
    add("--mapper", nargs="+", type=Path, default=[], help="runs, or files of mappers; left out: the face as it is")
    add("--strength", nargs="+", type=float, default=[1.0], help="one for all or one for each; negative: the opposite")
    add("--mix", action="store_true", help="add the edits up instead of one after the other")
    add_look(parser)
    options = parser.parse_args(arguments)
    if any(path.suffix not in FORMATS for path in options.output):
        names = ", ".join(path.name for path in options.output)
        parser.error(f"--output: expected files ending in .glb, .obj or .ply, got {names}")
    if options.seed is not None and options.latents:
        parser.error("--seed, --latents: expected one of them, got both; --face chooses among codes")
    return options


def add_look(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how faces look and what a GLB holds."""
    add = parser.add_argument
    add(
        "--expressions", nargs="*", help="names that a GLB holds, or all (left out: the 52 of ARKit if the head has it)"
    )
    add("--psi", type=float, help="truncation of drawn faces, 0..1 (left out: that of the first mapper's run)")
    add("--generator", help="weights of the generator, the authors' too (left out: that of the first mapper's run)")
    add("--head", choices=("open", "flame"), help="left out: that of the first mapper's run")
    add("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")


@torch.no_grad()
def main(arguments: Sequence[str] | None = None) -> None:
    """Edit one face and write it."""
    options = parse(arguments)
    avatar, mappers, psi = load(options)
    codes = sample_latents(avatar, [options.seed or 0], psi)
    if options.latents:
        codes = read_latents(options.latents, avatar)
        if not 0 <= options.face < len(codes.shape):
            raise ValueError(f"face: expected 0 to {len(codes.shape) - 1}, got {options.face}")
        codes = codes.rows(slice(options.face, options.face + 1))
    strengths = options.strength * (len(mappers) if len(options.strength) == 1 else 1)
    edited = (mix_edits if options.mix else edit_in_turn)(
        avatar, unedited(codes), mappers, strengths if mappers else []
    )
    texture = edited.texture(avatar)[0]
    for path in options.output:
        write(path, avatar, codes, edited, texture, options.expressions)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def load(options: argparse.Namespace) -> tuple[Avatar, list[FaceMapper], float]:
    """Load generator, head and mappers, if any, and tell the truncation; errors as in scripts/edit.py."""
    if options.mapper:
        return load_mappers(options)
    avatar = load_avatar(options.generator, HeadConfig(options.head or "open"), RendererConfig(options.renderer))
    return avatar.to(options.device), [], PSI if options.psi is None else options.psi


def write(
    path: Path, avatar: Avatar, before: Codes, edited: EditedFaces, texture: Tensor, expressions: list[str] | None
) -> None:
    """Write one face, before and after its edit, in the format that the file's ending names.

    Args:
        path: ends in .glb, .obj or .ply.
        avatar: whose head it is.
        before, edited: of one face.
        texture: [3, R, R] in 0..1, after the edit.
        expressions: names that a GLB holds, or `["all"]`; None: the usual ones.
    """
    head = avatar.head
    if path.suffix != ".glb":
        vertices = head(edited.shape, edited.expression)[0]
        (write_obj if path.suffix == ".obj" else write_ply)(path, vertices, head, texture)
        return
    changed = not (torch.equal(before.shape, edited.shape) and torch.equal(before.expression, edited.expression))
    write_rigged_glb(
        path,
        head,
        texture=texture,
        shape=before.shape,
        expression=before.expression,
        edited_shape=edited.shape if changed else None,
        edited_expression=edited.expression if changed else None,
        expressions="all" if expressions == ["all"] else expressions,
    )


if __name__ == "__main__":
    main()
