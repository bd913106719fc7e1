"""Convert motions between FLAME and the 52 shapes of ARKit, for rigs that have these.

python scripts/convert_motion.py tracked_frames motion.csv --rate 25
python scripts/convert_motion.py capture.csv motion.npz
python scripts/convert_motion.py talking talking.npz --map from_open.safetensors --flame generic_model.pkl

Reads FLAME's parameters (a folder with a file a frame, .npz, .pkl, .mat), a phone's capture (.csv), keyframes (.yaml),
a shipped sequence or a video. Writes .csv, weights of ARKit's shapes as a phone does, or .npz, FLAME's parameters.
Between the two it needs the map of `python scripts/transfer_texture.py --from open --to flame`.
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
    add = parser.add_argument
    add("source", metavar="MOTION", help="name of a shipped sequence, file or folder")
    add("out", type=Path, metavar="OUT", help=".csv for ARKit's weights, .npz for FLAME's parameters")
    add("--rate", type=float, help="frames per second (left out: the motion's own)")
    add("--map", type=Path, help="map between the open head and FLAME (left out: the one beside FLAME's file)")
    add("--flame", type=Path, help="FLAME's file (left out: data/flame/generic_model.pkl)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert and write."""
    options = parse(arguments)
    startup.announce(f"Convert {options.source} into {options.out}")
    from clipface.animation.convert import convert_motion

    motion = convert_motion(options.source, options.out, options.rate, options.map, options.flame)
    print(f"{len(motion)} frames at {motion.rate:g} a second written to {options.out}")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
