"""A photograph with an edited head in it: what the edit changes of the head's render is added to the photograph."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface.bake.completion import spread_out
from clipface.bake.head_fit import HeadFit
from clipface.edit.into_photo.mask import BareHead
from clipface.edit.into_photo.steady import Steady
from clipface.edit.into_photo.warp import find_flow, with_fixed_neck
from clipface.edit.into_photo.window import Window, head_window
from clipface.head import HeadModel
from clipface.photos.detection import FaceDetector
from clipface.render.renderer import Renderer

LARGEST = 2048  # pixels, longer side of the renders; larger heads get an enlarged difference
SUPERSAMPLED = 1200  # pixels, up to which renders are made twice as large
GAIN_SIDE = 192  # pixels, longer side of the image on which photograph and render are compared
GAIN_REACH = 0.05  # of the window: the light's ratio is a mean over so much
GAIN_RANGE = (0.35, 1.8)
DARK = 12 / 255  # added before logarithms: below it colours are noise


class HeadState(NamedTuple):
    """A head before or after an edit: texture [1, 3, S, S] in 0..1 and vertices [1, V, 3] in metres."""

    texture: Tensor
    vertices: Tensor


class IntoPhoto:
    """Puts edited heads back into their photographs; made once for a head.

    Args:
        head: that was fitted.
        renderer: of its mesh, on the same device.
        supersample: of renders up to `SUPERSAMPLED` pixels.

    Example:
        >>> put = IntoPhoto(head, renderer)
        >>> edited = put(photograph, fit, matrix, HeadState(texture, vertices), HeadState(changed, vertices))
    """

    def __init__(self, head: HeadModel, renderer: Renderer, supersample: int = 2) -> None:
        self.head, self.renderer, self.supersample = head, renderer, supersample
        self.find_bare, self.detector = BareHead(head, renderer), FaceDetector()

    @torch.no_grad()
    def __call__(
        self,
        photograph: np.ndarray,
        fit: HeadFit,
        matrix: np.ndarray,
        before: HeadState,
        after: HeadState,
        steady: Steady | None = None,
    ) -> np.ndarray:
        """Edit the photograph.

        Args:
            photograph: [H, W, 3] uint8, upright RGB.
            fit: of one head.
            matrix: [3, 3], pixels of the photograph to those of the fit's crop (`Cutout.matrix`).
            before: the head as the photograph shows it.
            after: the edited one, in the same pose.
            steady: of the video that the photograph is a frame of; None: none.

        Returns:
            [H, W, 3] uint8: the bits of the photograph wherever the head or its bare skin is not seen.
        """
        after = after._replace(vertices=with_fixed_neck(self.head, before.vertices, after.vertices))
        still = torch.equal(before.vertices, after.vertices)
        shapes = [before.vertices] if still else [before.vertices, after.vertices]
        window = head_window(fit, matrix, shapes, photograph.shape[1::-1], LARGEST)
        mask = self.find_bare(photograph, fit, matrix, before.vertices, window, self.detector, steady)
        full = torch.tensor(window.cut(photograph)).permute(2, 0, 1)[None].to(mask) / 255
        image, camera = _resized(full, window.size), window.camera(fit, matrix)
        plain, edited, cover = self._rendered(before, after, before.vertices, camera, window.size)
        ratio = light_ratio(image, plain, mask * cover, steady)
        if still:
            return added(photograph, window, mask * ratio * (edited - plain))
        flow = find_flow(self.renderer, before.vertices, after.vertices, camera, window.size, float(fit.scale))
        plain, edited, _ = self._rendered(before, after, after.vertices, camera, window.size)
        mask, ratio, moved = flow.moved(mask), flow.moved(ratio), flow.moved(image, "bicubic")
        change = torch.lerp(mask * ratio * (edited - plain), ratio * edited - moved, flow.fresh)
        return added(photograph, window, _resized(change, full.shape[-2:]) + flow.moved(full, "bicubic") - full)

    def _rendered(
        self, before: HeadState, after: HeadState, vertices: Tensor, camera: Tensor, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Both textures on a head, continued beyond it, [1, 3, *size], and where it is [1, 1, *size]."""
        supersample = self.supersample if max(size) <= SUPERSAMPLED else 1
        textures = torch.cat([before.texture, after.texture], 1)
        rendered = self.renderer(vertices, textures, camera, size, 0.0, supersample=supersample)
        return *spread_out(rendered.image, rendered.mask).split(3, 1), rendered.mask


def light_ratio(image: Tensor, plain: Tensor, mask: Tensor, steady: Steady | None = None) -> Tensor:
    """By how much a photograph is lighter than a render of the same head, smooth over the head.

    Args:
        image: [1, 3, H, W], of the photograph, in 0..1.
        plain: likewise, the render.
        mask: [1, 1, H, W], where they can be compared.
        steady: of a video.

    Returns:
        [1, 3, H, W]; where the mask is far, as at its border.
    """
    step = max(1, round(max(image.shape[-2:]) / GAIN_SIDE))
    weight = functional.avg_pool2d(mask, step)
    means = [functional.avg_pool2d(part * mask, step) / weight.clamp_min(1e-4) for part in (image, plain)]
    ratio = torch.log(means[0] + DARK) - torch.log(means[1] + DARK)
    radius = max(1, round(GAIN_REACH * max(ratio.shape[-2:])))
    total, share = ratio * weight, weight + 1e-4
    for _ in range(3):  # three times a box is nearly a bell
        total, share = (functional.avg_pool2d(part, 2 * radius + 1, 1, radius) for part in (total, share))
    smooth = (total / share.clamp_min(1e-6)).exp().clamp(*GAIN_RANGE)
    smooth = smooth if steady is None else steady("light", smooth)
    return functional.interpolate(smooth, image.shape[-2:], mode="bilinear", align_corners=False)


def added(photograph: np.ndarray, window: Window, change: Tensor) -> np.ndarray:
    """A copy of a photograph [H, W, 3] uint8 with `change` [1, 3, h, w], enlarged to the window, added there."""
    change = _resized(change, (window.height, window.width))
    result = photograph.copy()
    part = window.cut(result)
    moved = part.astype(np.float32) + change[0].permute(1, 2, 0).cpu().numpy() * 255
    part[:] = moved.round().clip(0, 255).astype(np.uint8)
    return result


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    if image.shape[-2:] == size:
        return image
    return functional.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
