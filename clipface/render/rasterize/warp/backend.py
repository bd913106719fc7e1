"""The rasteriser on NVIDIA Warp: one set of kernels for CPU and CUDA (contract: `interface.Rasterizer`)."""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.checks import (
    check_attributes,
    check_batch,
    check_boundary,
    check_faces,
    check_float,
    check_look_up,
)
from clipface.render.rasterize.interface import Boundary, Fragments
from clipface.render.rasterize.topology import Topology
from clipface.render.rasterize.warp import coverage as warp_coverage
from clipface.render.rasterize.warp import fragments as warp_fragments
from clipface.render.rasterize.warp import interpolation as warp_interpolation
from clipface.render.rasterize.warp.functions import Antialias, Compose, Paint, Sample
from clipface.render.rasterize.warp.runtime import ThreadBuffer, launch, launch_pixels, reproducible, start, threads

NOTHING = torch.iinfo(torch.int64).max  # key of a pixel that no triangle covers
LEAST_STRIPS = 4  # CUDA threads that share one triangle's rows, at least
MOST_COPIED = 1 << 20  # pixels of which CPU threads may each have a copy to draw into
COVER_THREADS = 1 << 17  # CUDA threads that coverage is worth having


def rasterize(clip: Tensor, faces: Tensor, size: tuple[int, int], derivatives: bool = True) -> Fragments:
    """Find the triangle that each pixel sees (see `interface.Rasterizer`)."""
    _check_view(clip, faces, size)
    start()
    rast, screen = _Rasterize.apply(clip.contiguous(), faces.contiguous(), size[0], size[1], derivatives)
    return Fragments(rast, screen)


def _check_view(clip: Tensor, faces: Tensor, size: tuple[int, int]) -> int:
    images = check_float("clip", clip, ("B", "V", 4))["B"]
    check_faces("faces", faces, clip.device)
    if min(size) < 1:
        raise ValueError(f"size: expected height and width of at least 1, got {tuple(size)}")
    return images


class _Rasterize(Function):
    @staticmethod
    def forward(ctx, clip: Tensor, faces: Tensor, height: int, width: int, derivatives: bool):
        device, images, vertices = clip.device, clip.shape[0], clip.shape[1]
        keys = _cover(clip, faces, height, width)
        rast = torch.empty(images, height, width, 4, device=device)
        screen = torch.empty_like(rast) if derivatives else None
        arguments = [clip, faces, keys, vertices, height, width, rast, screen]
        launch_pixels(warp_fragments.shade_fragments, images * height, width, arguments, device)
        ctx.save_for_backward(clip, faces, rast)
        ctx.set_materialize_grads(False)
        return rast, screen

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g_rast: Tensor | None, g_screen: Tensor | None):
        clip, faces, rast = ctx.saved_tensors
        images, height, width, _ = rast.shape
        if g_rast is None and g_screen is None:
            return None, None, None, None, None
        g_rast = None if g_rast is None else g_rast.contiguous()
        g_screen = None if g_screen is None else g_screen.contiguous()
        g_clip = ThreadBuffer(tuple(clip.shape), clip.device, images, images * height * width)
        arguments = [clip, faces, rast, g_rast, g_screen, clip.shape[1], height, width, g_clip]
        launch_pixels(warp_fragments.shade_fragments_backward, images * height, width, arguments, clip.device)
        return g_clip.sum(), None, None, None, None


def _cover(clip: Tensor, faces: Tensor, height: int, width: int) -> Tensor:
    """The key of the nearest triangle at each pixel [B, H, W], int64."""
    device, images, vertices, count = clip.device, clip.shape[0], clip.shape[1], faces.shape[0]
    work = images * (count + height * width)  # a triangle's pixels take longer than the triangle
    if images % threads(device, work) and images * height * width > MOST_COPIED:
        work = images * count
    keys = ThreadBuffer((images, height, width), device, images, work, NOTHING, torch.int64)
    strips = 1
    if device.type == "cuda":  # few triangles are likely to be large ones, which one thread would take long to fill
        strips = min(max(LEAST_STRIPS, COVER_THREADS // max(images * count, 1)), height)
    mesh = [clip, faces, vertices, count, height, width, strips, keys]
    launch(warp_coverage.cover, images * count, (strips,), mesh, device, work)
    launch(warp_coverage.cover_clipped, images * count, (strips,), mesh, device, work)
    return keys.min()


def interpolate(
    attributes: Tensor, fragments: Fragments, faces: Tensor, derivatives: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Interpolate vertex attributes over the triangles (see `interface.Rasterizer`)."""
    check_attributes(attributes, fragments, faces, derivatives)
    start()
    screen = fragments.derivatives if derivatives else None
    return _Interpolate.apply(attributes.contiguous(), fragments.rast, screen, faces.contiguous())


class _Interpolate(Function):
    @staticmethod
    def forward(ctx, attributes: Tensor, rast: Tensor, screen: Tensor | None, faces: Tensor):
        images, height, width, _ = rast.shape
        channels = attributes.shape[2]
        values = torch.empty(images, height, width, channels, device=rast.device)
        slopes = None if screen is None else torch.empty(images, height, width, 2 * channels, device=rast.device)
        vertices = attributes.shape[1] if attributes.shape[0] > 1 else 0
        ctx.stride, ctx.pairs = vertices * channels, channels == 2 and screen is not None
        mesh, results = [attributes, faces, rast, screen], [height, width, values, slopes]
        if ctx.pairs:
            arguments = [*mesh, vertices, *results]
            launch_pixels(warp_interpolation.interpolate_pairs, images * height, width, arguments, rast.device)
        else:
            arguments = [*mesh, ctx.stride, channels, *results]
            launch_pixels(warp_interpolation.interpolate, images * height, width, arguments, rast.device)
        ctx.save_for_backward(attributes, rast, screen, faces)
        ctx.set_materialize_grads(False)
        return values, slopes

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g_values: Tensor | None, g_slopes: Tensor | None):
        attributes, rast, screen, faces = ctx.saved_tensors
        images, height, width, _ = rast.shape
        g_values = None if g_values is None else g_values.contiguous()
        g_slopes = None if g_slopes is None else g_slopes.contiguous()
        gradients = [g_values, g_slopes, ctx.stride, attributes.shape[2], height, width]
        rows, device = images * height, rast.device
        g_attributes = g_rast = g_screen = None
        if ctx.needs_input_grad[0]:
            own = images if ctx.stride else 0
            g_attributes = ThreadBuffer(tuple(attributes.shape), device, own, rows * width)
            arguments = [faces, rast, screen, *gradients, g_attributes]
            launch_pixels(warp_interpolation.interpolate_backward_attributes, rows, width, arguments, device)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            g_rast = torch.empty_like(rast)
            g_screen = None if g_slopes is None else torch.empty_like(rast)
            kernel = warp_interpolation.interpolate_backward_fragments
            if ctx.pairs:
                kernel = warp_interpolation.interpolate_pairs_backward
                gradients = [g_values, g_slopes, ctx.stride // 2, height, width]
            launch_pixels(kernel, rows, width, [attributes, faces, rast, *gradients, g_rast, g_screen], device)
        return g_attributes.sum() if g_attributes else None, g_rast, g_screen, None


def sample(
    texture: Tensor,
    uv: Tensor,
    uv_derivatives: Tensor | None = None,
    fragments: Fragments | None = None,
    boundary: Boundary = "wrap",
    coverage: bool = False,
) -> Tensor:
    """Look up a texture (see `interface.Rasterizer`)."""
    check_look_up(texture, uv, fragments, boundary, coverage)
    start()
    rast = None if fragments is None else fragments.rast
    slopes = None if uv_derivatives is None else uv_derivatives.contiguous()
    return Sample.apply(texture, uv.contiguous(), slopes, rast, boundary == "wrap", coverage)


def paint(
    clip: Tensor,
    faces: Tensor,
    size: tuple[int, int],
    uv: Tensor,
    uv_faces: Tensor,
    texture: Tensor,
    boundary: Boundary = "wrap",
) -> tuple[Tensor, Fragments]:
    """Rasterize, interpolate texture coordinates and look up colours in one go (see `interface.Rasterizer`)."""
    images = _check_view(clip, faces, size)
    check_float("uv", uv, ("T", 2))
    check_faces("uv_faces", uv_faces, clip.device)
    check_batch("texture", check_float("texture", texture, ("B", "Ht", "Wt", "C"))["B"], images)
    check_boundary(boundary)
    if uv.requires_grad:
        raise ValueError(
            "uv: constants are wanted, uv.requires_grad is set; use interpolate and sample, which carry it"
        )
    start()
    clip, faces = clip.contiguous(), faces.contiguous()
    keys = _cover(clip.detach(), faces, *size)
    wraps = boundary == "wrap"
    colour, rast = Paint.apply(clip, texture, faces, keys, uv.contiguous(), uv_faces.contiguous(), wraps)
    return colour, Fragments(rast, None)


def antialias(
    image: Tensor,
    fragments: Fragments,
    clip: Tensor,
    faces: Tensor,
    topology: Topology | None = None,
    follow: bool = False,
) -> Tensor:
    """Blend pixels across silhouette edges (see `interface.Rasterizer`)."""
    check_float("image", image, ("B", "H", "W", "C"))
    check_float("clip", clip, (image.shape[0], "V", 4))
    check_faces("faces", faces, clip.device)
    start()
    edges = topology or Topology.of(faces)
    mesh = (fragments.rast, faces.contiguous(), edges.vertices, edges.triangles if follow else None)
    return Antialias.apply(image.contiguous(), clip.contiguous(), *mesh)


def compose(drawn: Tensor, background: float | Tensor) -> tuple[Tensor, Tensor]:
    """Put what is drawn over a background (see `interface.Rasterizer`)."""
    check_float("drawn", drawn, ("B", "H", "W", "C"))
    start()
    return Compose.apply(drawn.contiguous(), background)


def topology(faces: Tensor) -> Topology:
    """What lies beyond each edge of a mesh (see `interface.Rasterizer`)."""
    return Topology.of(faces)
