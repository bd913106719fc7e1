"""Renders random scenes until time is up, and stops at the first NaN, crash or growing memory.

python scripts/measure/soak.py --minutes 60
python scripts/measure/soak.py --minutes 60 --seed 11 --device cuda
python scripts/measure/soak.py --scenes 300

A scene is a head, or a heap of triangles, loose or not, some of them broken, partly behind the camera or off the image,
of random size, batch, texture and light; it is rendered, and its gradients are computed.
"""

import argparse
import sys
from collections.abc import Sequence

from clipface import startup


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--scenes", type=int, default=None, help="stop after so many scenes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Render until time is up; returns the number of scenes."""
    options = parse(arguments)
    startup.announce(f"Rendering random scenes of seed {options.seed} for {options.minutes:g} minutes")
    from clipface.render.soak import soak

    return soak(options.minutes, options.scenes, options.seed, options.device)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
