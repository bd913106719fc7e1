"""Warp kernels of the verb `antialias`: pixels are blended where a silhouette edge crosses between their centres.

For a pair of neighbouring pixels that see different triangles, the nearer triangle owns the edge. `find_edges` writes
one signed weight per pair (to the right, and towards the next row): positive blends the second pixel's colour into the
first, negative the first's into the second. Colours are then gathered, never scattered, so the result is deterministic.
"""

from typing import Any

import torch
import warp as wp
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.interface import Fragments, check_faces, check_float
from clipface.render.rasterize.topology import Topology
from clipface.render.rasterize.warp.antialias.backward import antialias_backward_1, antialias_backward_4
from clipface.render.rasterize.warp.antialias.silhouette import (
    Mesh,
    find_crossing,
    negative,
    owner_of,
    project,
    turn,
)
from clipface.render.rasterize.warp.commands import overload
from clipface.render.rasterize.warp.native import place
from clipface.render.rasterize.warp.runtime import ThreadBuffer, launch, launch_pixels, reproducible, start

wp.set_module_options({"enable_backward": False})

ROUNDING = wp.constant(1.0e-6)  # of pixel coordinates, relative to the image's side: several float32 steps


@wp.func
def surely_inner(a: wp.vec2, b: wp.vec2, other: wp.vec2, area: float, doubt: float):
    """True if edge a-b has its neighbour on the far side, wherever the origin lies and whatever float32 rounds."""
    across = turn(other, a, b)
    unsure = doubt * (wp.length(b - a) + wp.length(other - a) + doubt)
    return wp.abs(across) > unsure and wp.abs(area) > unsure and negative(across) != negative(area)


@wp.kernel
def mark_silhouettes(
    start: int,
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    opposite: wp.array(dtype=int),
    vertex_count: int,
    face_count: int,
    height: int,
    width: int,
    marks: wp.array(dtype=wp.uint8),
):
    """Mark the triangles that may have a silhouette edge, so that `find_edges` need not look at all others."""
    i = wp.tid() + start
    image = i / face_count
    face = i - image * face_count
    base = image * vertex_count
    p0 = project(clip[base + faces[3 * face]], 0.0, 0.0, 0, width, height)
    p1 = project(clip[base + faces[3 * face + 1]], 0.0, 0.0, 0, width, height)
    p2 = project(clip[base + faces[3 * face + 2]], 0.0, 0.0, 0, width, height)
    area = turn(p0, p1, p2)
    doubt = ROUNDING * float(wp.max(width, height))
    mark = wp.uint8(0)
    for edge in range(3):
        beyond = opposite[3 * face + edge]
        if beyond < 0:
            mark = wp.uint8(1)
        else:
            other = project(clip[base + beyond], 0.0, 0.0, 0, width, height)
            a = wp.where(edge == 0, p1, wp.where(edge == 1, p2, p0))
            b = wp.where(edge == 0, p2, wp.where(edge == 1, p0, p1))
            if not surely_inner(a, b, other, area, doubt):
                mark = wp.uint8(1)
    marks[i] = mark


@wp.func
def touch(f: int, g: int, faces: wp.array(dtype=int)):
    """True if two triangles, of which -1 is none, share a vertex."""
    if f < 0 or g < 0:
        return False
    for k in range(3):
        i = faces[3 * f + k]
        if i == faces[3 * g] or i == faces[3 * g + 1] or i == faces[3 * g + 2]:
            return True
    return False


@wp.kernel
def find_edges(
    start: int,
    rast: wp.array(dtype=wp.vec4),
    clip: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=int),
    opposite: wp.array(dtype=int),
    neighbours: wp.array(dtype=int),
    vertex_count: int,
    height: int,
    width: int,
    marks: wp.array(dtype=wp.uint8),
    face_count: int,
    weights: wp.array(dtype=wp.vec2),
):
    """Write each pixel's two weights: with its neighbour to the right, and with the one in the next row."""
    row, column, pixel = place(wp.tid(), start, width)
    image = row / height
    line = row - image * height
    here = rast[pixel]
    found = wp.vec2(0.0, 0.0)
    across = wp.int32(0)
    while across < 2:  # not unrolled: two copies of what follows would need twice the registers
        there = here
        if across == 0 and column + 1 < width:
            there = rast[pixel + 1]
        if across == 1 and line + 1 < height:
            there = rast[pixel + width]
        if here[3] != there[3]:
            face, _second = owner_of(here, there)
            looked_at = marks[image * face_count + face] != wp.uint8(0)
            if neighbours and not looked_at:  # triangles that touch have no other's silhouette between them
                looked_at = not touch(int(here[3]) - 1, int(there[3]) - 1, faces)
            if looked_at:
                m = Mesh(clip, faces, opposite, neighbours, vertex_count, height, width)
                weight = find_crossing(column, line, image, across, here, there, m).weight
                found = wp.where(across == 0, wp.vec2(weight, found[1]), wp.vec2(found[0], weight))
        across += 1
    weights[pixel] = found


@wp.kernel
def blend_edges(
    start: int,
    weights: wp.array(dtype=wp.vec2),
    image: wp.array(dtype=Any),
    channels: int,
    height: int,
    width: int,
    blended: wp.array(dtype=Any),
):
    """Each pixel takes its share of its neighbours' colours; a channel is a number or a vector of four."""
    row, column, pixel = place(wp.tid(), start, width)
    own = weights[pixel]
    right = wp.max(own[0], 0.0)
    down = wp.max(own[1], 0.0)
    left = wp.float32(0.0)
    up = wp.float32(0.0)
    if column > 0:
        left = wp.max(-weights[pixel - 1][0], 0.0)
    if row % height > 0:
        up = wp.max(-weights[pixel - width][1], 0.0)
    at = pixel * channels
    for c in range(channels):
        value = image[at + c]
        out = value
        if right > 0.0:
            out += right * (image[at + channels + c] - value)
        if down > 0.0:
            out += down * (image[at + width * channels + c] - value)
        if left > 0.0:
            out += left * (image[at - channels + c] - value)
        if up > 0.0:
            out += up * (image[at - width * channels + c] - value)
        blended[at + c] = out


blend_edges_1, blend_edges_4 = overload(blend_edges, wp.float32), overload(blend_edges, wp.vec4)


class Antialias(Function):
    """image [B, H, W, C], clip [B, V, 4], fragments [B, H, W, 4], faces [F, 3], what lies beyond their edges (vertices,
    triangles or None) [F, 3] -> blended image."""

    @staticmethod
    def forward(ctx, image: Tensor, clip: Tensor, rast: Tensor, faces: Tensor, beyond: Tensor, behind: Tensor | None):
        images, height, width, channels = image.shape
        rows, vertices, count, device = images * height, clip.shape[1], faces.shape[0], image.device
        marks = torch.empty(images, count, dtype=torch.uint8, device=device)
        marking = [clip, faces, beyond, vertices, count, height, width, marks]
        launch(mark_silhouettes, images * count, (), marking, device)
        weights = torch.empty(images, height, width, 2, device=device)
        found = [rast, clip, faces, beyond, behind, vertices, height, width, marks, count, weights]
        launch_pixels(find_edges, rows, width, found, device)
        blended = torch.empty_like(image)
        # Four channels, which a colour and its mask are, go as one vector.
        groups, whole = (channels // 4, True) if channels % 4 == 0 else (channels, False)
        kernel = blend_edges_4 if whole else blend_edges_1
        launch_pixels(kernel, rows, width, [weights, image, groups, height, width, blended], device)
        ctx.save_for_backward(image, clip, rast, faces, beyond, behind, weights)
        return blended

    @staticmethod
    @once_differentiable
    @reproducible
    def backward(ctx, g: Tensor):
        image, clip, rast, faces, beyond, behind, weights = ctx.saved_tensors
        images, height, width, channels = image.shape
        rows, device = images * height, image.device
        g_image = torch.empty_like(image) if ctx.needs_input_grad[0] else None
        g_clip = ThreadBuffer(tuple(clip.shape), device, images, rows * width) if ctx.needs_input_grad[1] else None
        mesh = [rast, clip, faces, beyond, behind, clip.shape[1], height, width]
        groups, whole = (channels // 4, True) if channels % 4 == 0 else (channels, False)
        kernel = antialias_backward_4 if whole else antialias_backward_1
        arguments = [*mesh, weights, image, groups, g.contiguous(), g_image, g_clip]
        launch_pixels(kernel, rows, width, arguments, device)
        return g_image, g_clip.sum() if g_clip else None, None, None, None, None


def antialias(
    image: Tensor,
    fragments: Fragments,
    clip: Tensor,
    faces: Tensor,
    topology: Topology | None = None,
    follow: bool = False,
) -> Tensor:
    """Blend pixels across silhouette edges, which gives silhouettes a gradient.

    Args:
        image: [B, H, W, C].
        fragments, clip, faces: as in `rasterize`.
        topology: from `topology(faces)`; made anew if left out.
        follow: from a pixel's triangle follow the surface, triangle by triangle, to where it ends or turns away
            before the next pixel. Otherwise only the pixel's own triangle is looked at, and a silhouette whose
            triangles are smaller than a pixel is mostly missed. "warp" only.

    Gradient: to image, and to the positions of silhouette edges. Without `follow` it has the right sign but is too
    small on fine meshes. Use *position* faces: a seam of the texture is no silhouette.
    """
    check_float("image", image, ("B", "H", "W", "C"))
    check_float("clip", clip, (image.shape[0], "V", 4))
    check_faces("faces", faces, clip.device)
    start()
    edges = topology or Topology.of(faces)
    mesh = (fragments.rast, faces.contiguous(), edges.vertices, edges.triangles if follow else None)
    return Antialias.apply(image.contiguous(), clip.contiguous(), *mesh)
