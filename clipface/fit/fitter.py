"""From crops to heads with light and colour, masks and visibility: all of the fit, batch by batch."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from clipface.bake.baker import Baker
from clipface.bake.head_fit import HeadFit
from clipface.bake.mask import FaceMask
from clipface.data.faces import MaskedFaces
from clipface.fit.landmarks import LandmarkObjective, fit_landmarks
from clipface.fit.photometric import Photometric
from clipface.head import HeadModel
from clipface.render.renderer import Renderer
from clipface.shapes import expect
from clipface.texture.linear import load_texture_model

Stored = tuple[HeadFit, Tensor, Tensor]  # B heads, crops [B, S, S, 3] uint8, masks [B, S, S] uint8
VISIBILITY_SIZE = 64  # texels a side


class FittedImages(NamedTuple):
    """What is found of B images, on the head's device.

    `fit`: heads, cameras, light and texture coefficients. `mask` [B, S, S] uint8, 255 where skin or an eye of the face
    is visible (see `mask.FaceMask`). `visibility` [B, 64, 64] uint8: how well the masked image shows each texel, 255
    for squarely; row 0 is the texture's top.
    """

    fit: HeadFit
    mask: Tensor
    visibility: Tensor


class Fitter:
    """Fits one head to images. What depends on the head alone is made once; calls share no state.

    Args:
        head: the head to fit.
        renderer: of its mesh, on the same device.
        photometric: compare colours and outline too, if there is a texture model of this head (the shipped one is of
            the open head). Otherwise heads are fitted to landmarks alone, and their light is even.
    """

    def __init__(self, head: HeadModel, renderer: Renderer, photometric: bool = True) -> None:
        self.head, self.renderer, self.photometric = head, renderer, photometric
        self.find_mask = FaceMask(head, renderer)
        self.baker = Baker(head, renderer, VISIBILITY_SIZE)

    def __call__(
        self, crops: Tensor, points: Tensor, person: Tensor, inside: Tensor, groups: Tensor | None = None
    ) -> FittedImages:
        """Fit a batch; results are on the head's device.

        Args:
            crops: [B, S, S, 3] uint8, from `examine.crop`.
            points: [B, 478, 3] or [B, 478, 2], MediaPipe's points in crop pixels.
            person: [B, S, S] uint8, 255 where the person is.
            inside: [B, S, S] bool, where the photograph reached.
            groups: [B] int64; images of one number are of one person and share the identity. None: all differ.
        """
        device = self.head.v_template.device
        sizes = expect("crops", crops, ("B", "S", "S", 3))
        expect("points", points, (sizes["B"], 478, points.shape[-1]))
        crops, person, inside = crops.to(device), person.to(device), inside.to(device)
        places = points[..., :2].to(device).float() / (sizes["S"] / 2) - 1
        if groups is not None:
            groups = torch.unique(groups.to(device), return_inverse=True)[1]
        fit = fit_landmarks(self.head, places, groups)
        if self.refinement is not None:
            mask = self.find_mask(fit, crops, person, inside)
            objective = LandmarkObjective(self.head, places, groups)
            fit = self.refinement.refine(objective, fit, crops, mask, person, inside)
        return self.masked(fit, crops, person, inside)

    @cached_property
    def refinement(self) -> Photometric | None:
        """The photometric fit, None without `photometric` or a texture model of this head."""
        model = load_texture_model(self.head) if self.photometric else None
        if model is None:
            return None
        return Photometric(Baker(self.head, self.renderer, model[0].size), model[0])

    @torch.no_grad()
    def masked(self, fit: HeadFit, crops: Tensor, person: Tensor, inside: Tensor) -> FittedImages:
        """Find what images show of heads that are fitted already; all on the head's device."""
        return self.seen(fit, self.find_mask(fit, crops, person, inside))

    def seen(self, fit: HeadFit, mask: Tensor) -> FittedImages:
        """Find how well masked images [B, S, S] uint8 show the texels of heads that are fitted already."""
        weight, places = self.baker.visible(fit, mask.shape[-1])
        masked = torch.nn.functional.grid_sample(mask[:, None].float(), places[:, None], align_corners=False)
        visibility = self.baker.uv_map.image(weight * masked[:, 0].transpose(1, 2))[:, 0]
        return FittedImages(fit, mask, visibility.round().byte())


def stored_images(faces: MaskedFaces, indices: Sequence[int], device: torch.device | str = "cpu") -> Stored:
    """Read heads, images and masks.

    Args:
        faces: the data set, of any `image_size`: images are read as they are stored.
        indices: which faces.
        device: where they go.

    Returns:
        Heads, crops and masks.

    Raises:
        ValueError: if the data set has no fits (one of painted faces, for instance).
    """
    rows = [faces.parameters(index) for index in indices]
    lacking = sorted(set(HeadFit._fields) - set(rows[0]))
    if lacking:
        raise ValueError(
            f"dataset: expected fitted heads in {faces.path}, got faces without {', '.join(lacking)}; give a data set "
            "that scripts/prepare_photos.py wrote from photographs"
        )
    fit = HeadFit(*(_stack([row[name] for row in rows], device).float() for name in HeadFit._fields))
    images, masks = zip(*(faces.images(index) for index in indices), strict=True)
    return fit, _stack(images, device), _stack(masks, device)


def stored_batches(
    faces: MaskedFaces, indices: Sequence[int], size: int, device: torch.device | str = "cpu"
) -> Iterator[Stored]:
    """Read heads, images and masks of many faces, `size` at a time (see `stored_images`), behind a progress bar."""
    for start in tqdm(range(0, len(indices), size), unit="batch"):
        yield stored_images(faces, indices[start : start + size], device)


def _stack(arrays: Sequence, device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(array) for array in arrays])).to(device)
