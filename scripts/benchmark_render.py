"""Times the renderer: a table of milliseconds, forward and forward + backward, for each backend, size and batch."""

import argparse
import time
from collections.abc import Callable, Sequence

import torch

from clipface.head import load_head
from clipface.render import Renderer, view

LEAST_SECONDS = 1.0  # each figure is the median of runs that together take at least this long
LEAST_RUNS = 5


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--backends", nargs="+", default=["warp"], choices=("warp", "nvdiffrast"))
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512], help="picture sides in pixels")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--texture", type=int, default=256, help="texture side in texels")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (PyTorch's default if left out)")
    parser.add_argument("--no-antialias", action="store_true")
    return parser.parse_args(arguments)


def median_milliseconds(work: Callable[[], None], device: str) -> float:
    """Median duration of `work`, after a warm-up run that compiles what needs compiling."""
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    durations: list[float] = []
    for _ in range(2):
        work()
    wait()
    while len(durations) < LEAST_RUNS or sum(durations) < LEAST_SECONDS:
        begin = time.perf_counter()
        work()
        wait()
        durations.append(time.perf_counter() - begin)
    return 1000 * sorted(durations)[len(durations) // 2]


def step(renderer: Renderer, vertices: torch.Tensor, size: int, batch: int, options: argparse.Namespace) -> list:
    """The two pieces of work to time: forward, and forward + backward to vertices and texture."""
    device = options.device
    camera = view(torch.linspace(-40, 40, batch, device=device), torch.zeros(batch, device=device))
    texture = torch.rand(batch, 3, options.texture, options.texture, device=device, requires_grad=True)
    vertices = vertices.expand(batch, -1, -1).clone().requires_grad_()
    cotangent = torch.randn(batch, 3, size, size, device=device)

    def forward() -> torch.Tensor:
        return renderer(vertices, texture, camera, size, antialias=not options.no_antialias).image

    def both() -> None:
        torch.autograd.grad(forward(), (vertices, texture), cotangent)

    def only() -> None:
        with torch.no_grad():
            forward()

    return [only, both]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = parse(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    head = load_head("open")
    vertices = head().detach().to(options.device)
    print(f"{len(head.faces)} triangles, texture {options.texture}, {options.device}, torch {torch.__version__}")
    print(f"{'backend':12}{'size':>6}{'batch':>6}{'forward ms':>12}{'+ backward ms':>15}")
    for name in options.backends:
        renderer = Renderer(head.faces, head.uv, head.uv_faces, backend=name).to(options.device)
        for size in options.sizes:
            for batch in options.batches:
                only, both = (
                    median_milliseconds(f, options.device) for f in step(renderer, vertices, size, batch, options)
                )
                print(f"{name:12}{size:6}{batch:6}{only:12.2f}{both:15.2f}", flush=True)


if __name__ == "__main__":
    main()
