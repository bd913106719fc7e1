"""The verb `rasterize`: which triangle each pixel sees, and where in it."""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize.interface import Fragments, check_faces, check_float
from clipface.render.rasterize.warp.coverage import cover
from clipface.render.rasterize.warp.fragments import shade_fragments, shade_fragments_backward
from clipface.render.rasterize.warp.runtime import ThreadBuffer, launch, launch_pixels, reproducible, start, threads

NOTHING = torch.iinfo(torch.int64).max  # key of a pixel that no triangle covers
LEAST_STRIPS = 4  # CUDA threads that share one triangle's rows, at least
MOST_COPIED = 1 << 20  # pixels of which CPU threads may each have a copy of their own
COVER_THREADS = 1 << 17  # CUDA threads that coverage is worth having


def rasterize(clip: Tensor, faces: Tensor, size: tuple[int, int], derivatives: bool = True) -> Fragments:
    """Find the triangle that each pixel sees, of either orientation; what leaves the view volume is clipped.

    Args:
        clip: vertices [B, V, 4] in clip space.
        faces: vertex indices [F, 3], int32.
        size: height and width in pixels.
        derivatives: whether to compute the screen derivatives of u and v too.

    Gradient: u, v and their derivatives to x, y, w of `clip`. Depth and triangle number carry none, and
    coverage none: silhouettes move through `antialias` only.
    """
    check_view(clip, faces, size)
    start()
    rast, screen = _Rasterize.apply(clip.contiguous(), faces.contiguous(), size[0], size[1], derivatives)
    return Fragments(rast, screen)


def check_view(clip: Tensor, faces: Tensor, size: tuple[int, int]) -> int:
    """Check what is rasterized and how large, and return the number of images.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    images = check_float("clip", clip, ("B", "V", 4))["B"]
    check_faces("faces", faces, clip.device)
    if min(size) < 1:
        raise ValueError(f"size: expected height and width of at least 1, got {tuple(size)}")
    return images


class _Rasterize(Function):
    @staticmethod
    def forward(ctx, clip: Tensor, faces: Tensor, height: int, width: int, derivatives: bool):
        device, images, vertices = clip.device, clip.shape[0], clip.shape[1]
        keys = nearest_keys(clip, faces, height, width)
        rast = torch.empty(images, height, width, 4, device=device)
        screen = torch.empty_like(rast) if derivatives else None
        arguments = [clip, faces, keys, vertices, height, width, rast, screen]
        launch_pixels(shade_fragments, images * height, width, arguments, device)
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
        launch_pixels(shade_fragments_backward, images * height, width, arguments, clip.device)
        return g_clip.sum(), None, None, None, None


def nearest_keys(clip: Tensor, faces: Tensor, height: int, width: int) -> Tensor:
    """The key of the nearest triangle at each pixel [B, H, W], int64 (see `coverage.depth_key`)."""
    device, images, vertices, count = clip.device, clip.shape[0], clip.shape[1], faces.shape[0]
    work = images * (count + height * width)  # a triangle's pixels take longer than the triangle
    if images % threads(device, work) and images * height * width > MOST_COPIED:
        work = images * count
    keys = ThreadBuffer((images, height, width), device, images, work, NOTHING, torch.int64)
    strips = 1
    if device.type == "cuda":  # few triangles are likely to be large ones, which one thread would take long to fill
        strips = min(max(LEAST_STRIPS, COVER_THREADS // max(images * count, 1)), height)
    mesh = [clip, faces, vertices, count, height, width, strips, keys]
    launch(cover, images * count, (strips,), mesh, device, work)
    return keys.min()
