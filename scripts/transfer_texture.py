"""Carry textures from one head to another: between the open head, FLAME and any OBJ with texture coordinates.

python scripts/transfer_texture.py --from open --to flame
python scripts/transfer_texture.py textures --from open --to flame --out textures_flame
python scripts/transfer_texture.py face.png --from ffhq_uv/mesh.obj --to open --points points.csv --out face_open.png
python scripts/transfer_texture.py FLAME_texture.png --from flame --to open --out texture_open.png --size 1024

One head's surface is bent onto the other's, by the 68 landmarks if both have them, and where both lie on each other is
kept in one file, the map, for both directions. It is made where it is missing, or without textures; for FLAME it lies
beside FLAME's file, and lets generators of the open head paint FLAME and captures for ARKit move it. Meshes without
landmarks must look along z with y up, or aside by less than 60 degrees; a table of points (columns landmark, 1 to 68,
and vertex, from 1) places others.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command

MAP_SIZE = 1024
KINDS = "open, flame, or a file .obj, .pkl or .npz"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("textures", type=Path, nargs="*", metavar="TEXTURE", help="images, or folders of images; none: make the map")
    add("--from", dest="first", required=True, metavar="HEAD", help=f"head of the textures: {KINDS}")
    add("--to", dest="second", required=True, metavar="HEAD", help="head that they are to go to, likewise")
    add("--out", type=Path, metavar="NEW", help="image to write, or folder to write into")
    add("--size", type=int, help="side of the new textures, texels (left out: that of each old one)")
    add("--map", type=Path, help="file of the map (left out: beside the head that is not open)")
    add("--points", type=Path, help="table of landmarks and vertices of a mesh without landmarks")
    add("--base", type=Path, help="texture that shows what the first head lacks, such as teeth (the open head has one)")
    add("--map-size", type=int, default=MAP_SIZE, help=f"places of a new map; twice a texture's side ({MAP_SIZE})")
    options = parser.parse_args(arguments)
    if bool(options.textures) != bool(options.out):
        parser.error("--out: expected a place for textures, and textures for it, or neither to make the map alone")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the map where it is missing, and carry textures."""
    options = parse(arguments)
    startup.announce(f"Carry textures from {options.first} to {options.second}")
    from clipface.fit.transfer_files import carry_files, map_between

    alone = not options.textures
    found, *heads = map_between(options.first, options.second, options.map, options.points, options.map_size, alone)
    if alone:
        # In the unit of the second head, which may be any; the open head and FLAME are in metres.
        each = 1000 / found.config["scale"]
        mean, most = (each * found.config[name] for name in ("mean_distance", "distance_95"))
        print(f"Map written to {found.path}; surfaces are {mean:.2f} mm apart, 95 % of them below {most:.2f} mm")
        return
    count = carry_files(options.textures, options.out, found, heads, options.size, options.base)
    print(f"{count} textures written to {options.out}, by the map {found.path}")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
