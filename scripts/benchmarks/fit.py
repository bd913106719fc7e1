"""Time the fit of heads to photographs, without finding and cutting out faces.

python scripts/benchmarks/fit.py --photos <folder> --cache faces.npz --batch 32
python scripts/benchmarks/fit.py --cache faces.npz --batch 128 --device cuda
python scripts/benchmarks/fit.py --cache faces.npz --renderer nvdiffrast --device cuda --rounds 10
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import torch
from examined_photos import examined

from clipface.fit.fitter import Fitter
from clipface.head import load_head
from clipface.render import Renderer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder; not needed where the cache is")
    parser.add_argument("--cache", type=Path, help="file of faces found, to write or to read")
    parser.add_argument("--batch", type=int, default=32, help="images fitted at once; faces repeat")
    parser.add_argument("--rounds", type=int, default=3, help="batches timed, after one that is not")
    parser.add_argument("--device", default="cpu", help="cpu, cuda")
    parser.add_argument("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    options = parser.parse_args()
    if options.photos is None and not (options.cache and options.cache.is_file()):
        parser.error("give --photos, or --cache with a file that is there")
    faces = examined(options.photos, options.cache)
    rows = np.arange(options.batch) % len(faces.files)
    batch = [torch.from_numpy(part[rows]) for part in (faces.crops, faces.points, faces.person, faces.inside)]
    head = load_head("open").to(options.device)
    renderer = Renderer(head.faces, head.uv, head.uv_faces, options.renderer).to(options.device)
    print(f"{options.device}, batches of {options.batch}, {torch.get_num_threads()} threads")
    for photometric in (False, True):
        fitter = Fitter(head, renderer, photometric)
        seconds = timed(lambda fitter=fitter: fitter(*batch), options.rounds, options.device)
        name = "landmarks and photometric" if photometric else "landmarks alone"
        each = seconds / options.batch
        print(f"{name}, with mask: {1 / each:.1f} images/s, {each * 1e3:.1f} ms each")
    if options.device == "cuda":
        print(f"GPU memory, most: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
    print(f"memory, most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


def timed(work, rounds: int, device: str) -> float:
    """Least seconds of one call; the first one, which compiles kernels, does not count."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


if __name__ == "__main__":
    main()
