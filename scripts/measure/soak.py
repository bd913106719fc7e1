"""Draws random scenes for as long as it is told to, and stops at the first NaN, crash or growing memory.

python scripts/measure/soak.py --minutes 60

A scene is a head, a ball, a sheet or a heap of loose triangles, some of them broken, partly behind the camera or off
the image, of random size, batch, texture and light; it is drawn, and its gradients are computed.
"""

import argparse
import random
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

from scenes import grid, soup, sphere  # noqa: E402

from clipface.head import load_head  # noqa: E402
from clipface.render import Light, Renderer, perspective, random_views, rotation  # noqa: E402
from clipface.render.rasterize import backend  # noqa: E402

SETTLING = 200  # scenes after which memory must not grow any more
MOST_GROWTH = 200  # MiB; the largest scene may come late


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--scenes", type=int, default=None, help="stop after so many scenes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


def memory() -> float:
    """MiB of memory that the process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def render_solid(choose: random.Random, generator: torch.Generator, renderers: list, device: str) -> list[torch.Tensor]:
    """Draw a head or a ball with the whole renderer: its image, its mask, and their gradients."""
    vertices, renderer = choose.choice(renderers)
    batch, size = choose.randint(1, 3), (choose.randint(1, 200), choose.randint(1, 200))
    shape = (choose.choice([1, batch]), 3, choose.choice([1, 8, 30, 64, 128]), choose.choice([1, 8, 64, 128]))
    texture = torch.rand(shape, generator=generator).to(device).requires_grad_()
    camera = random_views(batch, generator, 180, 80, 0.3, (0.2, 4.0))
    if choose.random() < 0.3:  # near enough to stand inside the head now and then
        turn = rotation(torch.rand(batch, generator=generator) * 360, torch.rand(batch, generator=generator) * 60)
        camera = perspective(turn, torch.rand(batch, generator=generator) * 0.6 + 0.01, torch.full((batch,), 60.0))
    moved = vertices + 0.01 * torch.randn(batch, 1, 3, generator=generator).to(device)
    moved = moved.requires_grad_()
    light = Light(choose.choice(["unlit", "unlit", "sh", "studio"]), turn=choose.uniform(-180, 180))
    given = texture if choose.random() < 0.9 else None
    supersample = choose.choice([1, 1, 2])
    drawn = renderer(moved, given, camera.to(device), size, choose.random(), True, supersample, light)
    leaves = [moved, texture] if given is not None else [moved]
    return [*drawn, *torch.autograd.grad(sum(t.square().sum() for t in drawn), leaves)]


def render_loose(choose: random.Random, generator: torch.Generator, device: str) -> list[torch.Tensor]:
    """Draw loose triangles or a sheet with the verbs."""
    warp, seed = backend("warp"), choose.randint(0, 10**6)
    if choose.random() < 0.5:
        clip, faces = soup(choose.randint(1, 400), seed, choose.randint(1, 3))
        clip[..., 3] += choose.choice([0.0, 0.0, -1.0])  # some behind the camera
    else:
        clip, faces = grid(choose.randint(1, 40), seed)
    if choose.random() < 0.2:
        clip[:, choose.randrange(clip.shape[1])] = choose.choice([0.0, torch.nan, torch.inf, 1e30])
        faces[choose.randrange(len(faces))] = faces[0, 0]
    clip, faces = clip.to(device).requires_grad_(), faces.to(device)
    size = (choose.randint(1, 160), choose.randint(1, 160))
    fragments = warp.rasterize(clip, faces, size)
    values = torch.rand(clip.shape[0], clip.shape[1], 3, generator=generator).to(device)
    image, _ = warp.interpolate(values, fragments, faces)
    image = warp.antialias(image, fragments, clip, faces, follow=choose.random() < 0.5)
    (gradient,) = torch.autograd.grad(image.sum(), clip)
    return [image, fragments.rast, torch.nan_to_num(gradient)]  # a broken vertex may have a broken gradient


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw until time is up; returns the number of scenes."""
    options = parse(arguments)
    choose, generator = random.Random(options.seed), torch.Generator().manual_seed(options.seed)
    head = load_head("open")
    eyes = head.regions["right_eyeball"].float()
    vertices, faces, uv, uv_faces = sphere(24, 40)
    renderers = [
        (
            head().detach().to(options.device),
            Renderer(head.faces, head.uv, head.uv_faces, gloss=eyes).to(options.device),
        ),
        (vertices[None].to(options.device), Renderer(faces, uv, uv_faces).to(options.device)),
    ]
    begin, count, settled, said = time.monotonic(), 0, None, 0.0
    while (minutes := (time.monotonic() - begin) / 60) < options.minutes and count != options.scenes:
        solid = choose.random() < 0.6
        results = (
            render_solid(choose, generator, renderers, options.device)
            if solid
            else render_loose(choose, generator, options.device)
        )
        if not all(result.isfinite().all() for result in results):
            raise RuntimeError(f"scene {count} of seed {options.seed}: a number is not finite")
        count += 1
        if count == SETTLING:
            settled = memory()
        if settled is not None and memory() > settled + MOST_GROWTH:
            raise RuntimeError(f"scene {count}: memory grew from {settled:.0f} to {memory():.0f} MiB")
        if minutes - said >= 1:
            said = minutes
            print(f"{minutes:5.1f} minutes, {count} scenes, {memory():.0f} MiB", flush=True)
    print(f"{(time.monotonic() - begin) / 60:.1f} minutes, {count} scenes, {memory():.0f} MiB: nothing wrong")
    return count


if __name__ == "__main__":
    main()
