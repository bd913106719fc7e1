"""The rasteriser on NVIDIA Warp: one set of kernels for CPU and CUDA (contract: `interface.Rasterizer`)."""

import torch
import warp as wp
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize import (
    warp_antialias,
    warp_antialias_backward,
    warp_coverage,
    warp_fragments,
    warp_interpolation,
)
from clipface.render.rasterize.checks import check_batch, check_faces, check_float
from clipface.render.rasterize.interface import Boundary, Fragments
from clipface.render.rasterize.warp_runtime import Shared, launch, start, view
from clipface.render.rasterize.warp_sampling import Sample

NOTHING = torch.iinfo(torch.int64).max  # key of a pixel that no triangle covers
STRIPS = 4  # CUDA threads that share one triangle's rows


def rasterize(clip: Tensor, faces: Tensor, size: tuple[int, int], derivatives: bool = True) -> Fragments:
    """Find the triangle that each pixel sees (see `interface.Rasterizer`)."""
    check_float("clip", clip, ("B", "V", 4))
    check_faces("faces", faces, clip.device)
    if min(size) < 1:
        raise ValueError(f"size: height and width of at least 1 are wanted, {tuple(size)} was given")
    start()
    rast, screen = _Rasterize.apply(clip.contiguous(), faces.contiguous(), size[0], size[1], derivatives)
    return Fragments(rast, screen)


class _Rasterize(Function):
    @staticmethod
    def forward(ctx, clip: Tensor, faces: Tensor, height: int, width: int, derivatives: bool):
        device, images, vertices = clip.device, clip.shape[0], clip.shape[1]
        keys = _cover(clip, faces, height, width)
        rast = torch.empty(images, height, width, 4, device=device)
        screen = torch.empty_like(rast) if derivatives else None
        launch(
            warp_fragments.shade_fragments,
            images * height,
            (width,),
            [view(clip, wp.vec4), view(faces, int), view(keys, wp.int64), vertices, height, width]
            + [view(rast, wp.vec4), view(screen, wp.vec4)],
            device,
        )
        ctx.save_for_backward(clip, faces, rast)
        ctx.set_materialize_grads(False)
        return rast, screen

    @staticmethod
    @once_differentiable
    def backward(ctx, g_rast: Tensor | None, g_screen: Tensor | None):
        clip, faces, rast = ctx.saved_tensors
        images, height, width, _ = rast.shape
        if g_rast is None and g_screen is None:
            return None, None, None, None, None
        g_rast = None if g_rast is None else g_rast.contiguous()
        g_screen = None if g_screen is None else g_screen.contiguous()
        g_clip = Shared(tuple(clip.shape), clip.device, images, images * height * width)
        launch(
            warp_fragments.shade_fragments_backward,
            images * height,
            (width,),
            [view(clip, wp.vec4), view(faces, int), view(rast, wp.vec4), view(g_rast, wp.vec4)]
            + [view(g_screen, wp.vec4), clip.shape[1], height, width, g_clip],
            clip.device,
        )
        return g_clip.sum(), None, None, None, None


def _cover(clip: Tensor, faces: Tensor, height: int, width: int) -> Tensor:
    """The key of the nearest triangle at each pixel [B, H, W], int64."""
    device, images, vertices, count = clip.device, clip.shape[0], clip.shape[1], faces.shape[0]
    snapped = torch.empty_like(clip)
    launch(
        warp_coverage.snap_vertices,
        images * vertices,
        (),
        [view(clip, wp.vec4), height, width, view(snapped, wp.vec4)],
        device,
    )
    keys = Shared((images, height, width), device, images, images * count, NOTHING, torch.int64)
    strips = STRIPS if device.type == "cuda" else 1
    mesh = [view(snapped, wp.vec4), view(faces, int), vertices, count, height, width, strips, keys]
    launch(warp_coverage.cover, images * count, (strips,), mesh, device)
    launch(warp_coverage.cover_clipped, images * count, (strips,), [view(clip, wp.vec4), *mesh], device)
    return keys.min()


def interpolate(
    attributes: Tensor, fragments: Fragments, faces: Tensor, derivatives: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Interpolate vertex attributes over the triangles (see `interface.Rasterizer`)."""
    given = check_float("attributes", attributes, ("B", "A", "C"))["B"]
    check_faces("faces", faces, attributes.device)
    check_batch("attributes", given, fragments.rast.shape[0])
    if derivatives and fragments.derivatives is None:
        raise ValueError("fragments: derivatives are wanted, but rasterize(..., derivatives=False) made none")
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
        ctx.stride = attributes[0].numel() if attributes.shape[0] > 1 else 0
        launch(
            warp_interpolation.interpolate,
            images * height,
            (width,),
            [view(attributes), view(faces, int), view(rast, wp.vec4), view(screen, wp.vec4)]
            + [ctx.stride, channels, height, width, view(values), view(slopes)],
            rast.device,
        )
        ctx.save_for_backward(attributes, rast, screen, faces)
        ctx.set_materialize_grads(False)
        return values, slopes

    @staticmethod
    @once_differentiable
    def backward(ctx, g_values: Tensor | None, g_slopes: Tensor | None):
        attributes, rast, screen, faces = ctx.saved_tensors
        images, height, width, _ = rast.shape
        g_values = None if g_values is None else g_values.contiguous()
        g_slopes = None if g_slopes is None else g_slopes.contiguous()
        gradients = [view(g_values), view(g_slopes), ctx.stride, attributes.shape[2], height, width]
        rows, device = images * height, rast.device
        g_attributes = g_rast = g_screen = None
        if ctx.needs_input_grad[0]:
            own = images if ctx.stride else 0
            g_attributes = Shared(tuple(attributes.shape), device, own, rows * width)
            arguments = [view(faces, int), view(rast, wp.vec4), view(screen, wp.vec4), *gradients, g_attributes]
            launch(warp_interpolation.interpolate_backward_attributes, rows, (width,), arguments, device)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            g_rast = torch.empty_like(rast)
            g_screen = None if g_slopes is None else torch.empty_like(rast)
            arguments = [view(attributes), view(faces, int), view(rast, wp.vec4), *gradients, view(g_rast, wp.vec4)]
            arguments.append(view(g_screen, wp.vec4))
            launch(warp_interpolation.interpolate_backward_fragments, rows, (width,), arguments, device)
        return g_attributes.sum() if g_attributes else None, g_rast, g_screen, None


def sample(
    texture: Tensor,
    uv: Tensor,
    uv_derivatives: Tensor | None = None,
    fragments: Fragments | None = None,
    boundary: Boundary = "wrap",
) -> Tensor:
    """Look up a texture (see `interface.Rasterizer`)."""
    given = check_float("texture", texture, ("B", "Ht", "Wt", "C"))["B"]
    sizes = check_float("uv", uv, ("B", "H", "W", 2))
    check_batch("texture", given, sizes["B"])
    if boundary not in ("wrap", "clamp"):
        raise ValueError(f"boundary: 'wrap' or 'clamp' is wanted, {boundary!r} was given")
    start()
    rast = None if fragments is None else fragments.rast
    slopes = None if uv_derivatives is None else uv_derivatives.contiguous()
    return Sample.apply(texture, uv.contiguous(), slopes, rast, boundary == "wrap")


def antialias(
    image: Tensor, fragments: Fragments, clip: Tensor, faces: Tensor, topology: Tensor | None = None
) -> Tensor:
    """Blend pixels across silhouette edges (see `interface.Rasterizer`)."""
    check_float("image", image, ("B", "H", "W", "C"))
    check_float("clip", clip, (image.shape[0], "V", 4))
    check_faces("faces", faces, clip.device)
    start()
    beyond = opposite_vertices(faces) if topology is None else topology
    return _Antialias.apply(image.contiguous(), clip.contiguous(), fragments.rast, faces.contiguous(), beyond)


class _Antialias(Function):
    @staticmethod
    def forward(ctx, image: Tensor, clip: Tensor, rast: Tensor, faces: Tensor, beyond: Tensor):
        images, height, width, channels = image.shape
        rows, device = images * height, image.device
        weights = torch.empty(images, height, width, 2, device=device)
        blended = torch.empty_like(image)
        found = [*_drawn(clip, rast, faces, beyond), view(weights, wp.vec2)]
        launch(warp_antialias.find_edges, rows, (width,), found, device)
        blend = [view(weights, wp.vec2), view(image), channels, height, width, view(blended)]
        launch(warp_antialias.blend_edges, rows, (width,), blend, device)
        ctx.save_for_backward(image, clip, rast, faces, beyond, weights)
        return blended

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor):
        image, clip, rast, faces, beyond, weights = ctx.saved_tensors
        images, height, width, channels = image.shape
        rows, device, g = images * height, image.device, g.contiguous()
        g_image = g_clip = None
        if ctx.needs_input_grad[0]:
            g_image = torch.empty_like(image)
            blend = [view(weights, wp.vec2), view(g), channels, height, width, view(g_image)]
            launch(warp_antialias_backward.blend_edges_backward, rows, (width,), blend, device)
        if ctx.needs_input_grad[1]:
            g_clip = Shared(tuple(clip.shape), device, images, rows * width)
            found = [*_drawn(clip, rast, faces, beyond), view(weights, wp.vec2), view(image), channels, view(g), g_clip]
            launch(warp_antialias_backward.find_edges_backward, rows, (width,), found, device)
        return g_image, g_clip.sum() if g_clip else None, None, None, None


def _drawn(clip: Tensor, rast: Tensor, faces: Tensor, beyond: Tensor) -> list:
    """The arguments that say what is drawn, for `find_edges` and its adjoint."""
    mesh = [view(rast, wp.vec4), view(clip, wp.vec4), view(faces, int), view(beyond, int)]
    return [*mesh, clip.shape[1], rast.shape[1], rast.shape[2]]


def opposite_vertices(faces: Tensor) -> Tensor:
    """For each triangle and each of its edges (the one opposite vertex 0, 1, 2), the vertex beyond that edge.

    Args:
        faces: [F, 3], int32.

    Returns:
        [F, 3], int32: the third vertex of the other triangle on the edge, or -1 on a border.
    """
    own = faces.long().reshape(-1)
    a, b = faces.long().roll(-1, 1).reshape(-1), faces.long().roll(-2, 1).reshape(-1)
    edge = torch.minimum(a, b) * (faces.max().long() + 1 if len(faces) else 1) + torch.maximum(a, b)
    order = torch.argsort(edge, stable=True)
    edge, tip = edge[order], own[order]
    beyond = torch.full_like(tip, -1)
    same = edge[1:] == edge[:-1]
    beyond[1:] = torch.where(same, tip[:-1], -1)
    beyond[:-1] = torch.where(same, tip[1:], beyond[:-1])
    out = torch.empty_like(beyond)
    out[order] = beyond
    return out.reshape(-1, 3).int()


topology = opposite_vertices
