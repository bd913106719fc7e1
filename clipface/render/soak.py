"""Random scenes, rendered and differentiated until something breaks (scripts/measure/soak.py)."""

import random
import time

import torch
from torch import Tensor

from clipface.head import load_head
from clipface.render.camera import perspective, random_views, rotation
from clipface.render.light import Light
from clipface.render.rasterize import backend
from clipface.render.renderer import Renderer

SETTLING = 200  # scenes after which memory must not grow any more
MOST_GROWTH = 200  # MiB; the largest scene may come late


def soak(minutes: float, scenes: int | None, seed: int, device: str) -> int:
    """Render random scenes until time is up.

    Args:
        minutes: how long.
        scenes: stop after so many; None: when time is up.
        seed: of the scenes.
        device: where.

    Returns:
        The number of scenes.

    Raises:
        RuntimeError: if a number is not finite, or memory grows.
    """
    choose, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    head = load_head("open").to(device)
    gloss = head.regions["right_eyeball"].float()
    renderer, vertices = Renderer(head.faces, head.uv, head.uv_faces, gloss=gloss).to(device), head().detach()
    begin, count, settled, said = time.monotonic(), 0, None, 0.0
    while (passed := (time.monotonic() - begin) / 60) < minutes and count != scenes:
        solid = choose.random() < 0.6
        results = (
            render_head(choose, generator, renderer, vertices) if solid else render_loose(choose, generator, device)
        )
        if not all(result.isfinite().all() for result in results):
            raise RuntimeError(f"scene {count} of seed {seed}: a number is not finite")
        count += 1
        if count == SETTLING:
            settled = memory()
        if settled is not None and memory() > settled + MOST_GROWTH:
            raise RuntimeError(f"scene {count}: memory grew from {settled:.0f} to {memory():.0f} MiB")
        if passed - said >= 1:
            said = passed
            print(f"{passed:5.1f} minutes, {count} scenes, {memory():.0f} MiB", flush=True)
    print(f"{(time.monotonic() - begin) / 60:.1f} minutes, {count} scenes, {memory():.0f} MiB: nothing wrong")
    return count


def memory() -> float:
    """MiB of memory that the process holds now. Linux."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 2**10


def render_head(
    choose: random.Random, generator: torch.Generator, renderer: Renderer, vertices: Tensor
) -> list[Tensor]:
    """Render the head with the full renderer: its image, its mask, and their gradients."""
    device = vertices.device
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
    rendered = renderer(moved, given, camera.to(device), size, choose.random(), True, supersample, light)
    leaves = [moved, texture] if given is not None else [moved]
    return [*rendered, *torch.autograd.grad(sum(t.square().sum() for t in rendered), leaves)]


def render_loose(choose: random.Random, generator: torch.Generator, device: str) -> list[Tensor]:
    """Render a heap of triangles, loose or with shared corners, with the verbs."""
    warp, seed = backend("warp"), choose.randint(0, 10**6)
    clip, faces = soup(choose.randint(1, 400), seed, choose.randint(1, 3))
    if choose.random() < 0.5:
        faces = torch.randint(clip.shape[1], faces.shape, generator=generator, dtype=torch.int32)
    clip[..., 3] += choose.choice([0.0, 0.0, -1.0])  # some behind the camera
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


def soup(count: int, seed: int, batch: int = 2) -> tuple[Tensor, Tensor]:
    """Unconnected random triangles in clip space, w between 0.5 and 2: clip [B, 3 count, 4], faces [count, 3]."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.rand(batch, count, 1, 3, generator=generator) * 1.6 - 0.8
    corners = centre + (torch.rand(batch, count, 3, 3, generator=generator) - 0.5) * 0.9
    corners[..., 2] = corners[..., 2].clamp(-0.95, 0.95)
    w = 0.5 + 1.5 * torch.rand(batch, count, 3, 1, generator=generator)
    clip = torch.cat([corners * w, w], -1).reshape(batch, 3 * count, 4)
    return clip, torch.arange(3 * count, dtype=torch.int32).reshape(count, 3)
