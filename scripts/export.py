"""Write a face for other programs: a GLB or USDZ to pose and animate, OBJ with material and texture, or PLY.

python scripts/export.py --seed 7 --output face.glb
python scripts/export.py --seed 7 --mapper runs/zombie --strength 0.8 --output zombie.glb zombie.obj zombie.ply
python scripts/export.py --latents my_codes.npz --face 2 --mapper runs/old runs/clown --mix --output both.glb
python scripts/export.py --photo me.jpg --mapper look:vampire --output me.glb
python scripts/export.py --seed 7 --prompt "an angry witch with a scar" --output witch.glb
python scripts/export.py --seed 7 --expressions jawOpen mouthSmileLeft mouthSmileRight --output small.glb

GLB and USDZ hold skin, five joints, texture, the expressions by name and the edit as morph targets; what each format
carries stands in docs/export.md; USDZ needs the package usd-core. Several mappers edit one after the other, or with
--mix all at once.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import (
    add_avatar,
    add_edits,
    add_expressions,
    add_people,
    avatar_options,
    command,
    faces_config,
    one_seed,
)

FORMATS = (".glb", ".usdz", ".obj", ".ply")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    formats = ", ".join(FORMATS)
    add("--output", nargs="+", type=Path, required=True, help=f"files to write; the ending says what: {formats}")
    one = add_people(parser)
    one.add_argument("--seed", type=int, help="of the face (0)")
    one.add_argument("--latents", type=Path, help="codes as .pt, .npz or .safetensors")
    add("--face", type=int, default=0, help="which one of the codes, from 0")
    add_edits(parser)
    add_expressions(parser)
    add("--hair", action="store_true", help="paint cropped hair in the brows' colour on the scalp")
    add_avatar(parser)
    options = parser.parse_args(arguments)
    if any(path.suffix not in FORMATS for path in options.output):
        names = ", ".join(path.name for path in options.output)
        parser.error(f"--output: expected files ending in {formats}, got {names}")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Edit one face and write it."""
    options = parse(arguments)
    startup.announce(f"Write one face to {', '.join(map(str, options.output))}")
    from clipface.edit.apply import edit_faces
    from clipface.edit.files import write_face
    from clipface.edit.hair import with_hair
    from clipface.edit.loading import load_editor
    from clipface.edit.persons.sources import read_subject

    editor = load_editor(options.mapper, **avatar_options(options))
    faces = faces_config(options, options.latents or one_seed(options.seed or 0))
    codes = read_subject(faces, editor.avatar, editor.psi, options.face).codes
    edited = edit_faces(editor.avatar, codes, editor.mappers, options.strength, options.mix)
    texture = edited.texture(editor.avatar)
    texture = (with_hair(editor.avatar, texture) if options.hair else texture)[0]
    for path in options.output:
        write_face(path, editor.avatar, codes, edited.codes, texture, options.expressions, options.compact)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
