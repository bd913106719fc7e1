"""Times the renderer: milliseconds and memory, forward and forward + backward, for each backend, size and batch.

python scripts/benchmarks/render.py --sizes 256 --batches 4
python scripts/benchmarks/render.py --device cuda --sizes 512 --batches 16
python scripts/benchmarks/render.py --device cuda --verbs --profile
python scripts/benchmarks/render.py --silhouettes docs/renderer_antialias.png

A figure is the median over many groups of steps; behind it in brackets are the quartiles. With --verbs the rasteriser's
four verbs are timed (rasterize, interpolate, mip-mapped sample, antialias), without camera, mask and background. With
--silhouettes nothing is timed: the head's outline is drawn in the ways there are to smooth it.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from clipface import startup  # isort: skip

startup.prepare()

import torch
from torch import Tensor
from torch.nn import functional

from clipface.evaluation.grid import grid
from clipface.head import load_head
from clipface.render import Renderer, view
from clipface.render.camera import project
from clipface.render.rasterize import backend

LEAST_GROUPS = 7
GROUP_SECONDS = 0.02  # steps are timed in groups this long, so that CUDA's queue stays full as it does in training
MIB = 2**20


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
    parser.add_argument("--verbs", action="store_true", help="the rasteriser alone, not the whole renderer")
    parser.add_argument("--profile", action="store_true", help="then list the time of each CUDA kernel")
    parser.add_argument(
        "--silhouettes", metavar="PNG", help="write the outline drawn four ways, enlarged, and no table"
    )
    options = parser.parse_args(arguments)
    if options.backends is None:
        usable = options.device == "cuda" and find_spec("nvdiffrast") is not None
        options.backends = ["warp", "nvdiffrast"] if usable else ["warp"]
    return options


def wait(device: str) -> None:
    """Let the device finish."""
    if device == "cuda":
        torch.cuda.synchronize()


def milliseconds(work: Callable[[], object], device: str, seconds: float) -> tuple[float, float, float]:
    """Median and quartiles of the duration of `work`, after warm-up runs that compile what needs compiling."""
    for _ in range(2):
        work()
    wait(device)
    begin = time.perf_counter()
    work()
    wait(device)
    count = max(1, round(GROUP_SECONDS / (time.perf_counter() - begin)))
    durations: list[float] = []
    while len(durations) < LEAST_GROUPS or sum(durations) * count < seconds:
        begin = time.perf_counter()
        for _ in range(count):
            work()
        wait(device)
        durations.append((time.perf_counter() - begin) / count)
    low, middle, high = (1000 * sorted(durations)[int(part * (len(durations) - 1))] for part in (0.25, 0.5, 0.75))
    return middle, low, high


def draw(name: str, renderer: Renderer, camera: Tensor, size: int, options: argparse.Namespace) -> Callable:
    """What is timed, as a function of vertices and texture."""

    def whole(vertices: Tensor, texture: Tensor) -> Tensor:
        antialias = not options.no_antialias
        return renderer(vertices, texture, camera, size, antialias=antialias, supersample=options.supersample).image

    rasterizer = backend(name)
    topology = rasterizer.topology(renderer.faces)

    def verbs(clip: Tensor, texture: Tensor) -> Tensor:
        fragments = rasterizer.rasterize(clip, renderer.faces, (size, size))
        uv, slopes = rasterizer.interpolate(renderer.uv[None], fragments, renderer.uv_faces, derivatives=True)
        colour = rasterizer.sample(texture, uv, slopes, fragments, "clamp")
        if options.no_antialias:
            return colour
        return rasterizer.antialias(colour, fragments, clip, renderer.faces, topology)

    return verbs if options.verbs else whole


def steps(
    name: str, renderer: Renderer, vertices: Tensor, size: int, batch: int, options: argparse.Namespace
) -> tuple[Callable, Callable]:
    """The two pieces of work to time: forward, and forward + backward to vertices and texture."""
    device = options.device
    camera = view(torch.linspace(-40, 40, batch, device=device), torch.zeros(batch, device=device))
    vertices = vertices.expand(batch, -1, -1)
    shape = (batch, options.texture, options.texture, 3) if options.verbs else (batch, 3, *[options.texture] * 2)
    texture = torch.rand(shape, device=device, requires_grad=True)
    vertices = (project(vertices, camera) if options.verbs else vertices).detach().clone().requires_grad_()
    forward = draw(name, renderer, camera, size, options)
    cotangent = torch.randn((batch, size, size, 3) if options.verbs else (batch, 3, size, size), device=device)

    def only() -> None:
        with torch.no_grad():
            forward(vertices, texture)

    def both() -> None:
        torch.autograd.grad(forward(vertices, texture), (vertices, texture), cotangent)

    return only, both


def peak(work: Callable[[], object], device: str) -> str:
    """MiB that PyTorch's allocator held at most during `work`, beyond what it held before; CUDA only."""
    if device != "cuda":
        return "-"
    wait(device)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    wait(device)
    return f"{(torch.cuda.max_memory_allocated() - before) / MIB:.0f}"


def profile(work: Callable[[], object], count: int = 10) -> None:
    """Print each CUDA kernel's time and calls a step, longest first."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    work()
    wait("cuda")
    with torch.profiler.profile(activities=activities) as record:
        for _ in range(count):
            work()
        wait("cuda")
    rows = [(e.self_device_time_total / count, e.count / count, e.key) for e in record.key_averages()]
    rows = sorted((row for row in rows if row[0] > 0), reverse=True)
    print(f"  {sum(row[0] for row in rows):9.0f} us, {sum(row[1] for row in rows):.0f} kernels")
    for duration, calls, key in rows[:24]:
        print(f"  {duration:9.1f} us {calls:5.1f} x  {key.replace('void ', '')[:60]}")


@torch.no_grad()
def silhouettes(path: str) -> None:
    """Write a piece of the head's outline at 256 x 256, enlarged, without and with every antialiasing."""
    head, warp = load_head("open"), backend("warp")
    clip = project(head(), view(torch.tensor([35.0]), torch.zeros(1), 0.8))
    faces, uv_faces, grey = head.faces.int(), head.uv_faces.int(), torch.full((1, 8, 8, 3), 0.15)
    ways = {
        "no antialiasing": (256, None),
        "a pixel's own triangle": (256, False),
        "following the surface": (256, True),
    }
    images = []
    for size, follow in [*ways.values(), (512, True)]:
        drawn, fragments = warp.paint(clip, faces, (size, size), head.uv.float(), uv_faces, grey)
        if follow is not None:
            drawn = warp.antialias(drawn, fragments, clip, faces, follow=follow)
        image = functional.avg_pool2d(warp.compose(drawn, 1.0)[0], size // 256)
        images.append(functional.interpolate(image[..., 70:110, 32:80], scale_factor=6)[0])
    grid([images], [*ways, "following, supersample 2"]).save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = parse(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.silhouettes:
        silhouettes(options.silhouettes)
        return
    head = load_head("open")
    vertices = head().detach().to(options.device)
    place = torch.cuda.get_device_name() if options.device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    what = "verbs" if options.verbs else "renderer"
    print(f"{what}, {len(head.faces)} triangles, texture {options.texture}, {place}, torch {torch.__version__}")
    print(f"{'backend':12}{'size':>6}{'batch':>6}{'forward ms':>26}{'+ backward ms':>26}{'peak MiB':>10}")
    for size in options.sizes:
        for batch in options.batches:
            for name in options.backends:
                renderer = Renderer(head.faces, head.uv, head.uv_faces, backend=name).to(options.device)
                work = steps(name, renderer, vertices, size, batch, options)
                cells = [
                    "{:.3f} ({:.3f}-{:.3f})".format(*milliseconds(f, options.device, options.seconds)) for f in work
                ]
                memory = peak(work[1], options.device)
                print(f"{name:12}{size:6}{batch:6}{cells[0]:>26}{cells[1]:>26}{memory:>10}", flush=True)
                if options.profile and options.device == "cuda":
                    profile(work[1])


if __name__ == "__main__":
    main()
