"""Faces on their way to the networks: batches brought to the device, textures drawn as their photographs show heads."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from clipface.data import FaceBatch, composite
from clipface.head import HeadModel
from clipface.render import Renderer
from clipface.render.backgrounds import WHITE
from trainer.texture_gan.baked_stream import to_device


def render_views(head: HeadModel, renderer: Renderer, texture: Tensor, views: FaceBatch, size: int) -> Tensor:
    """Draw textures on the heads of `views`, masked as their images are.

    Args:
        head, renderer: on the textures' device.
        texture: [B, 3, R, R] in [-1, 1].
        views: B faces; their images are not looked at.
        size: of the images, pixels.

    Returns:
        [B, 3, size, size] in [-1, 1]. Gradient: to the texture.
    """
    with torch.no_grad():
        vertices = views.vertices
        if vertices is None:
            vertices = head(views.shape, views.expression, views.pose, views.neck_pose, views.eye_pose)
    image = renderer(vertices, texture, views.camera, size, WHITE).image
    return composite(image, views.mask, WHITE)


def prefetched(batches: Iterable[FaceBatch], device: torch.device) -> Iterator[FaceBatch]:
    """Give batches on the device, copying each while the one before it is trained on.

    Args:
        batches: on the CPU, best in pinned memory, or on the device already.
        device: a CUDA device; with any other the batches stay as they are.
    """
    if device.type != "cuda":
        yield from batches
        return
    stream, ahead = torch.cuda.Stream(device), None
    for batch in batches:
        stream.wait_stream(torch.cuda.current_stream(device))  # a batch made on the device may still be in the making
        with torch.cuda.stream(stream):
            batch = to_device(batch, device)
            ready = stream.record_event()
        if ahead is not None:
            yield _received(*ahead)
        ahead = batch, ready
    if ahead is not None:
        yield _received(*ahead)


def _received(batch: FaceBatch, ready: torch.cuda.Event) -> FaceBatch:
    current = torch.cuda.current_stream()
    current.wait_event(ready)
    for part in batch:
        if part is not None:
            part.record_stream(current)  # or the memory could be given to the next copy while it is still in use
    return batch
