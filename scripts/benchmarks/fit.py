"""Time the fit of heads to photographs, without finding and cutting out faces.

python scripts/benchmarks/fit.py --photos <folder> --cache faces.npz --batch 32
python scripts/benchmarks/fit.py --cache faces.npz --batch 128 --device cuda
python scripts/benchmarks/fit.py --cache faces.npz --renderer nvdiffrast --device cuda --rounds 10
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command
from clipface.settings import HeadConfig, RendererConfig


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    parser.add_argument("--photos", type=Path, help="folder; not needed where the cache is")
    parser.add_argument("--cache", type=Path, help="file of faces found, to write or to read")
    parser.add_argument("--batch", type=int, default=32, help="images fitted at once; faces repeat")
    parser.add_argument("--rounds", type=int, default=3, help="batches timed, after one that is not")
    parser.add_argument("--device", default="cpu", help="cpu, cuda")
    parser.add_argument("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    options = parser.parse_args(arguments)
    if options.photos is None and not (options.cache and options.cache.is_file()):
        parser.error("photos: expected --photos, or --cache with a file that is there, got neither")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    startup.announce(f"Timing fits on {options.device}, batches of {options.batch}")
    import numpy as np
    import torch

    from clipface.evaluation.timing import synchronized_time
    from clipface.fit.fitter import Fitter
    from clipface.photos.folder import examine_folder
    from clipface.render.load import load_head_and_renderer

    faces = examine_folder(options.photos, options.cache)
    batch = faces.tensors(np.arange(options.batch) % len(faces.files))
    device = torch.device(options.device)
    head, renderer = load_head_and_renderer(HeadConfig(), RendererConfig(options.renderer), device)
    for name in ("landmarks alone", "landmarks and photometric"):
        fitter, seconds = Fitter(head, renderer, photometric="photometric" in name), []
        for _ in range(options.rounds + 1):
            start = synchronized_time(device)
            fitter(*batch)
            seconds.append(synchronized_time(device) - start)
        each = min(seconds[1:]) / options.batch  # the first call compiles kernels
        print(f"{name}, with mask: {1 / each:.1f} images/s, {each * 1e3:.1f} ms each")
    if options.device == "cuda":
        print(f"GPU memory, most: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
    if sys.platform == "linux":
        import resource

        print(f"memory, most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")
    print(f"{torch.get_num_threads()} threads")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
