"""Silhouettes blended, on Warp as a PyTorch function."""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from clipface.render.rasterize import warp_antialias, warp_antialias_backward
from clipface.render.rasterize.deterministic import reproducible
from clipface.render.rasterize.warp_runtime import Shared, launch, launch_pixels


class Antialias(Function):
    """image [B, H, W, C], clip [B, V, 4], fragments [B, H, W, 4], faces [F, 3], what lies beyond their edges (vertices,
    triangles or None) [F, 3] -> blended image."""

    @staticmethod
    def forward(ctx, image: Tensor, clip: Tensor, rast: Tensor, faces: Tensor, beyond: Tensor, behind: Tensor | None):
        images, height, width, channels = image.shape
        rows, vertices, count, device = images * height, clip.shape[1], faces.shape[0], image.device
        marks = torch.empty(images, count, dtype=torch.uint8, device=device)
        marking = [clip, faces, beyond, vertices, count, height, width, marks]
        launch(warp_antialias.mark_silhouettes, images * count, (), marking, device)
        weights = torch.empty(images, height, width, 2, device=device)
        found = [rast, clip, faces, beyond, behind, vertices, height, width, marks, count, weights]
        launch_pixels(warp_antialias.find_edges, rows, width, found, device)
        blended = torch.empty_like(image)
        # Four channels, which a colour and its mask are, go as one vector.
        groups, whole = (channels // 4, True) if channels % 4 == 0 else (channels, False)
        kernel = warp_antialias.blend_edges_4 if whole else warp_antialias.blend_edges_1
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
        g_clip = Shared(tuple(clip.shape), device, images, rows * width) if ctx.needs_input_grad[1] else None
        mesh = [rast, clip, faces, beyond, behind, clip.shape[1], height, width]
        groups, whole = (channels // 4, True) if channels % 4 == 0 else (channels, False)
        kernel = warp_antialias_backward.antialias_backward_4 if whole else warp_antialias_backward.antialias_backward_1
        arguments = [*mesh, weights, image, groups, g.contiguous(), g_image, g_clip]
        launch_pixels(kernel, rows, width, arguments, device)
        return g_image, g_clip.sum() if g_clip else None, None, None, None, None
