"""Measure a map between the open head and FLAME: textures and ARKit's shapes carried there and back.

python scripts/measure/transfer.py
python scripts/measure/transfer.py --faces 16 --sheet carried.jpg
python scripts/measure/transfer.py --map from_open.safetensors --coefficients 100

Textures are the shipped generator's. A texture's error is the mean of |difference| on the face, in 0..255; both maps
are dense where the other one has at least half as many texels. A shape's is how far vertices are off, in millimetres.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    parser.add_argument("--map", type=Path, help="(left out: the one beside FLAME's file)")
    parser.add_argument("--faces", type=int, default=8, help="whose textures are carried, seeds 0 and up (8)")
    parser.add_argument("--coefficients", type=int, nargs="+", default=[50, 100], help="of FLAME's expression (50 100)")
    parser.add_argument("--sheet", type=Path, help="image to write, JPEG or PNG")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parse(arguments)
    startup.announce("Carry textures and expressions there and back")
    from clipface.edit.loading import load_avatar
    from clipface.edit.sampling import sample_latents
    from clipface.evaluation.transfer import expression_trip, texture_trip, trip_sheet
    from clipface.fit.transfer_files import map_between
    from clipface.settings import HeadConfig, RendererConfig

    found, source, target = map_between("open", "flame", options.map)
    avatar = load_avatar(None, HeadConfig(), RendererConfig())
    textures = avatar.texture(sample_latents(avatar, range(options.faces), 1.0).w_plus)
    trip = texture_trip(found, source, target, textures)
    print(f"textures, of 255: {trip.face:.2f} on the face; {trip.dense:.2f} on the {trip.dense_share:.0%} of it where "
          "both maps are dense")  # fmt: skip
    for count in options.coefficients:
        print(f"\n{count} coefficients, millimetres\n\n{expression_trip(found, target, count).table()}")
    if options.sheet:
        trip_sheet(textures, trip, source, target).save(options.sheet)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
