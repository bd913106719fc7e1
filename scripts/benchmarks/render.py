"""Times the renderer: milliseconds and memory, forward and forward + backward, for each backend, size and batch.

python scripts/benchmarks/render.py --sizes 256 --batches 4
python scripts/benchmarks/render.py --device cuda --sizes 512 --batches 16
python scripts/benchmarks/render.py --device cuda --verbs --profile
python scripts/benchmarks/render.py --silhouettes docs/renderer_antialias.png

A figure is the median over many groups of steps; behind it in brackets are the quartiles. With --verbs the rasteriser's
four verbs are timed (rasterize, interpolate, mip-mapped sample, antialias), without camera, mask and background. With
--silhouettes nothing is timed: the head's outline is rendered in the ways there are to smooth it.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from clipface import startup


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--backends", nargs="+", default=None, choices=("warp", "nvdiffrast"), help="default: all here")
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512], help="image sides in pixels")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--texture", type=int, default=256, help="texture side in texels")
    parser.add_argument("--supersample", type=int, default=1)
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (PyTorch's default if left out)")
    parser.add_argument("--seconds", type=float, default=1.0, help="least time to measure each figure for")
    parser.add_argument("--no-antialias", action="store_true")
    parser.add_argument("--verbs", action="store_true", help="the rasteriser alone, not the full renderer")
    parser.add_argument("--profile", action="store_true", help="then list the time of each CUDA kernel")
    parser.add_argument(
        "--silhouettes", metavar="PNG", help="write the outline rendered four ways, enlarged, and no table"
    )
    options = parser.parse_args(arguments)
    if options.backends is None:
        usable = options.device == "cuda" and find_spec("nvdiffrast") is not None
        options.backends = ["warp", "nvdiffrast"] if usable else ["warp"]
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or write the outlines."""
    options = parse(arguments)
    startup.announce(f"Rendering the open head, {'to show outlines' if options.silhouettes else 'timed'}")
    import torch

    from clipface.evaluation.grid import grid
    from clipface.render.benchmark import print_table, silhouettes

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.silhouettes:
        images = silhouettes()
        grid([list(images.values())], list(images)).save(options.silhouettes)
    else:
        print_table(options)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
