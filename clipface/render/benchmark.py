"""Time and memory of the renderer, for each backend, size and batch (scripts/benchmarks/render.py)."""

from argparse import Namespace
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.benchmark import Timer

from clipface.head import load_head
from clipface.render.camera import project, view
from clipface.render.rasterize import backend
from clipface.render.rasterize.interface import MIP_LEVEL_BIAS
from clipface.render.renderer import Renderer

MIB = 2**20


def print_table(options: Namespace) -> None:
    """Measure and print a row for each size, batch and backend.

    Args:
        options: of scripts/benchmarks/render.py.
    """
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
                cells = ["{:.3f} ({:.3f}-{:.3f})".format(*milliseconds(each, options.seconds)) for each in work]
                memory = peak(work[1]) if options.device == "cuda" else "-"
                print(f"{name:12}{size:6}{batch:6}{cells[0]:>26}{cells[1]:>26}{memory:>10}", flush=True)
                if options.profile and options.device == "cuda":
                    profile(work[1])


def milliseconds(work: Callable[[], object], seconds: float) -> tuple[float, float, float]:
    """Median and quartiles of the duration of `work`, after warm-up runs that compile what needs compiling."""
    for _ in range(2):
        work()
    timer = Timer("work()", globals={"work": work}, num_threads=torch.get_num_threads())
    low, middle, high = 1000 * np.percentile(timer.blocked_autorange(min_run_time=seconds).times, (25, 50, 75))
    return middle, low, high


def rendering(name: str, renderer: Renderer, camera: Tensor, size: int, options: Namespace) -> Callable:
    """What is timed, as a function of vertices and texture."""

    def all_of_it(vertices: Tensor, texture: Tensor) -> Tensor:
        antialias = not options.no_antialias
        return renderer(vertices, texture, camera, size, antialias=antialias, supersample=options.supersample).image

    rasterizer = backend(name)
    topology = rasterizer.topology(renderer.faces)

    def verbs(clip: Tensor, texture: Tensor) -> Tensor:
        fragments = rasterizer.rasterize(clip, renderer.faces, (size, size))
        uv, slopes = rasterizer.interpolate(renderer.uv[None], fragments, renderer.uv_faces, derivatives=True)
        colour = rasterizer.sample(texture, uv, slopes, fragments, "clamp", mip_level_bias=MIP_LEVEL_BIAS)
        if options.no_antialias:
            return colour
        return rasterizer.antialias(colour, fragments, clip, renderer.faces, topology)

    return verbs if options.verbs else all_of_it


def steps(
    name: str, renderer: Renderer, vertices: Tensor, size: int, batch: int, options: Namespace
) -> tuple[Callable, Callable]:
    """The two pieces of work to time: forward, and forward + backward to vertices and texture."""
    device = options.device
    camera = view(torch.linspace(-40, 40, batch, device=device), torch.zeros(batch, device=device))
    vertices = vertices.expand(batch, -1, -1)
    shape = (batch, options.texture, options.texture, 3) if options.verbs else (batch, 3, *[options.texture] * 2)
    texture = torch.rand(shape, device=device, requires_grad=True)
    vertices = (project(vertices, camera) if options.verbs else vertices).detach().clone().requires_grad_()
    forward = rendering(name, renderer, camera, size, options)
    cotangent = torch.randn((batch, size, size, 3) if options.verbs else (batch, 3, size, size), device=device)

    def only() -> None:
        with torch.no_grad():
            forward(vertices, texture)

    def both() -> None:
        torch.autograd.grad(forward(vertices, texture), (vertices, texture), cotangent)

    return only, both


def peak(work: Callable[[], object]) -> str:
    """MiB that PyTorch's allocator held at most during `work`, beyond what it held before, on CUDA."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return f"{(torch.cuda.max_memory_allocated() - before) / MIB:.0f}"


def profile(work: Callable[[], object], count: int = 10) -> None:
    """Print each CUDA kernel's time and calls over `count` steps, longest first."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    work()
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=activities) as record:
        for _ in range(count):
            work()
        torch.cuda.synchronize()
    print(record.key_averages().table(sort_by="self_device_time_total", row_limit=24, max_name_column_width=60))


@torch.no_grad()
def silhouettes() -> dict[str, Tensor]:
    """A piece of the head's outline at 256 x 256, enlarged, without and with every antialiasing: way -> [3, H, W]."""
    head, warp = load_head("open"), backend("warp")
    clip = project(head(), view(torch.tensor([35.0]), torch.zeros(1), 0.8))
    faces, uv_faces, grey = head.faces.int(), head.uv_faces.int(), torch.full((1, 8, 8, 3), 0.15)
    ways = {
        "no antialiasing": (256, None),
        "a pixel's own triangle": (256, False),
        "following the surface": (256, True),
        "following, supersample 2": (512, True),
    }
    images = {}
    for way, (size, follow) in ways.items():
        rendered, fragments = warp.paint(clip, faces, (size, size), head.uv.float(), uv_faces, grey)
        if follow is not None:
            rendered = warp.antialias(rendered, fragments, clip, faces, follow=follow)
        image = functional.avg_pool2d(warp.compose(rendered, 1.0)[0], size // 256)
        images[way] = functional.interpolate(image[..., 70:110, 32:80], scale_factor=6)[0]
    return images
