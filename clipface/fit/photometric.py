"""The fit goes on through the renderer: heads whose image, lit and coloured, is the photograph's."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import Baked, Baker, vertices_of
from clipface.bake.head_fit import HeadFit, shading
from clipface.fit.landmark_objective import LandmarkObjective
from clipface.fit.priors import FitParameters
from clipface.head.regions import known_region_mask
from clipface.render.camera import project
from clipface.render.shading import vertex_normals
from clipface.shapes import expect
from clipface.texture.linear import TextureModel

# First step sizes of the geometry, before `PhotometricSettings.rate`.
RATES = FitParameters(shape=0.06, expression=0.03, pose=0.012, eye_pose=0.02, log_scale=0.008, place=0.008)
MOMENTS, TINY = (0.9, 0.99), 1e-8  # of Adam: shares of its running means that stay, and added to what it divides by
OUTLINE = ("scalp", "right_ear", "left_ear")  # must lie inside the person; the jaw line has landmarks
PERSON = 0.5
OUTLINE_SIZE = 64  # of the image of distances; bilinear look-up makes up for it


@dataclass
class PhotometricSettings:
    """Numbers of the photometric fit. Spreads are standard deviations."""

    size: int = 128  # of the images compared, pixels
    steps: int = 25
    rate: float = 0.6  # of geometry, over `RATES`
    texture_rate: float = 0.04
    light_rate: float = 0.01
    colour: float = 0.05  # spread of a pixel's colour, 0..1; larger differences count linearly
    trust: float = 0.03  # of the pixels: neighbouring ones err together, so they count for fewer
    outline: float = 0.012  # spread of how far a vertex may stick out of the person, half images
    outline_trust: float = 0.045  # of the vertices, likewise
    light: float = 0.3  # spread of the light's uneven coefficients


class Photometric:
    """Refines landmark fits of one head; made once, shares no state between calls.

    Args:
        baker: of the head, of the texture model's size.
        model: the linear texture model.
        settings: spreads, rates and weights.
    """

    def __init__(self, baker: Baker, model: TextureModel, settings: PhotometricSettings | None = None) -> None:
        self.baker, self.head, self.renderer, self.model = baker, baker.head, baker.renderer, model
        self.settings = settings or PhotometricSettings()
        known = torch.zeros(model.size**2, device=model.mean.device)
        known[model.texels] = 1
        known = known.view(1, 1, model.size, model.size)
        self._known = 1 - functional.max_pool2d(1 - known, 3, 1, 1)  # [1, 1, R, R], without the rim
        self._outline = known_region_mask(self.head, OUTLINE).nonzero()[:, 0]

    def refine(
        self, objective: LandmarkObjective, fit: HeadFit, crops: Tensor, mask: Tensor, person: Tensor, inside: Tensor
    ) -> HeadFit:
        """Go on from a landmark fit.

        Args:
            objective: the landmark objective of the same images, which stays part of the loss.
            fit: B heads, from `fit_landmarks`.
            crops, person, inside: as for `Fitter`.
            mask: [B, S, S] uint8, from `FaceMask`.

        Returns:
            Heads with light and texture.
        """
        fit = self.start(fit, crops, mask)
        shrink = crops.shape[1] // self.settings.size
        target = functional.avg_pool2d(crops.permute(0, 3, 1, 2).float() / 255, shrink)
        weight = functional.avg_pool2d(mask[:, None].float() / 255, shrink)
        coarse = crops.shape[1] // OUTLINE_SIZE
        human = functional.avg_pool2d((person.float() / 255)[:, None], coarse)[:, 0] > PERSON
        beyond = functional.avg_pool2d(inside[:, None].float(), coarse)[:, 0] < 0.5
        outside = distance_outside(human | beyond)
        parameters = objective.from_fit(fit)
        light, texture = (part.clone().requires_grad_() for part in (fit.light, fit.texture))

        def now() -> HeadFit:
            return objective.fit(parameters)._replace(light=light, texture=texture)

        def loss() -> Tensor:
            return objective.loss(parameters) + self.loss(now(), target, weight, outside)

        s = self.settings
        rates = [s.rate * rate for rate in RATES] + [s.light_rate, s.texture_rate]
        descend(loss, [*parameters, light, texture], rates, s.steps, lambda: objective.clamp(parameters))
        return HeadFit(*(part.detach() for part in now()))

    @torch.no_grad()
    def start(self, fit: HeadFit, crops: Tensor, mask: Tensor) -> HeadFit:
        """Light and texture in closed form, in turns, with the geometry as it is."""
        baked = self.baker.bake(fit, crops, mask)
        baked = Baked(baked.texture, baked.weight * self._known)
        albedo = self.model.mean[None]
        for _ in range(2):
            fit = fit._replace(light=self.baker.light(fit, baked, albedo))
            fit = fit._replace(texture=self._project(self.baker.without_light(fit, baked)))
            albedo = self.model(fit.texture).clamp(0.02, 1)
        return fit._replace(light=self.baker.light(fit, baked, albedo))

    def loss(self, fit: HeadFit, target: Tensor, weight: Tensor, outside: Tensor) -> Tensor:
        """Twice the negative logarithm of the likelihood of images [B].

        Args:
            fit: B heads; gradient to all parts.
            target: [B, 3, s, s] in 0..1.
            weight: [B, 1, s, s], where the face is visible.
            outside: [B, s, s], from `distance_outside` of the person.
        """
        s, camera = self.settings, fit.camera
        vertices = vertices_of(self.head, fit)
        image, known = self.render(fit, vertices, target.shape[-1])
        weight = weight * known.detach()
        away = (image - target).square().sum(1, keepdim=True) / (3 * s.colour**2)
        colour = (weight * 2 * ((1 + away).sqrt() - 1)).sum((1, 2, 3)) * (s.trust * (128 / s.size) ** 2)
        stick = sticking_out(project(vertices[:, self._outline], camera)[..., :2], outside)
        # Linear beyond the spread: a hat's brim or a hand must not pull the head along.
        outline = (2 * ((1 + (stick / s.outline).square()).sqrt() - 1)).sum(1) * s.outline_trust
        uneven = (fit.light[:, 1:] / s.light).square().sum((1, 2))
        return colour + outline + uneven + fit.texture.square().sum(1)

    def render(self, fit: HeadFit, vertices: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """The model's image [B, 3, size, size] on black, and where it is known [B, 1, size, size]."""
        texture = self.model(fit.texture)
        texture = torch.cat([texture, self._known.expand(len(texture), -1, -1, -1)], 1)
        light = shading(vertex_normals(vertices, self.head.faces), fit.light)
        light = functional.pad(light, (0, 1), value=1.0)
        rendered = self.renderer(vertices, texture, fit.camera, size, 0.0, False, 1, light).image
        return rendered[:, :3], (rendered[:, 3:] > 0.9).float()

    def _project(self, unlit: Baked) -> Tensor:
        """The most likely coefficients [B, K] of textures that are visible in part."""
        s, model = self.settings, self.model
        rest = (unlit.texture - model.mean).flatten(2)[..., model.texels]
        seen = unlit.weight.flatten(2)[..., model.texels] * (s.trust / s.colour**2)
        rows = model.directions[None] * seen[:, None]  # [B, K, 3, M]
        normal = rows.flatten(2) @ model.directions.flatten(1).T
        target = (rows * rest[:, None]).sum((2, 3))
        return torch.linalg.solve(normal + torch.eye(model.count, device=rest.device), target)


@torch.enable_grad()  # also where the caller wants none of the results
def descend(
    loss: Callable[[], Tensor], parts: Sequence[Tensor], rates: Sequence[float], steps: int, after: Callable[[], None]
) -> None:
    """Take steps of Adam, whose rate falls to zero along half a cosine.

    `torch.optim` would load PyTorch's compiler at its first step, which takes seconds.

    Args:
        loss: gives the losses [B], of images that do not depend on each other.
        parts: what is changed, leaves.
        rates: first step size of each.
        steps: how many.
        after: called after each step, to bring parameters back into their limits.

    Source: Kingma, Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
    """
    first, second = MOMENTS
    means, squares = ([torch.zeros_like(part) for part in parts] for _ in range(2))
    for step in range(steps):
        fall = 0.5 * (1 + math.cos(math.pi * step / steps))
        gradients = torch.autograd.grad(loss().sum(), parts)
        with torch.no_grad():
            for part, rate, gradient, mean, square in zip(parts, rates, gradients, means, squares, strict=True):
                mean.lerp_(gradient, 1 - first)
                square.lerp_(gradient.square(), 1 - second)
                spread = (square / (1 - second ** (step + 1))).sqrt() + TINY
                part -= fall * rate / (1 - first ** (step + 1)) * mean / spread
        after()


def distance_outside(mask: Tensor) -> Tensor:
    """Distance of every pixel to the nearest pixel of a mask.

    Args:
        mask: [B, H, W] bool.

    Returns:
        [B, H, W] pixels, 0 in the mask; where a mask is empty, 0 everywhere.
    """
    expect("mask", mask, ("B", "H", "W"))
    away = [distance_transform_edt(~one) if one.any() else np.zeros(one.shape) for one in mask.cpu().numpy()]
    return torch.from_numpy(np.stack(away)).float().to(mask.device)


def sticking_out(places: Tensor, outside: Tensor) -> Tensor:
    """How far points lie outside, in half images.

    Args:
        places: [B, N, 2] in [-1, 1], y down.
        outside: [B, S, S], from `distance_outside`, pixels.

    Returns:
        [B, N]; points beyond the image count by its border. Gradient: to places.
    """
    looked_up = functional.grid_sample(outside[:, None], places[:, None], padding_mode="border", align_corners=False)
    return looked_up[:, 0, 0] / (outside.shape[-1] / 2)
