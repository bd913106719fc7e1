"""Make a motion of a video in a process of its own: what the page starts, so that its memory stays small.

python -m clipface.view.video_motion me.mp4 --out motion.npz
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.settings import HEADS


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, help="a video of one face")
    parser.add_argument("--out", type=Path, required=True, help=".npz file to write")
    parser.add_argument("--head", default="open", choices=HEADS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit a head to every frame and write how it moves."""
    options = parse(arguments)
    startup.announce("step: loading the fitter")
    import numpy as np

    from clipface.animation.load import load_motion
    from clipface.animation.motion import PARTS
    from clipface.head import load_head

    print("step: following the face", flush=True)
    motion = load_motion(options.video, load_head(options.head))
    print("step: writing", flush=True)
    content = io.BytesIO()
    np.savez(content, rate=motion.rate, **dict(zip(PARTS, (part.numpy() for part in motion.parts), strict=True)))
    options.out.write_bytes(content.getvalue())


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
