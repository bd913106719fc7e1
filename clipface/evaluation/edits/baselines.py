"""Edits without a mapper, to compare mappers with: every face is optimised on its own, with the mapper's loss.

Sources: of codes, StyleCLIP (arXiv 2103.17249), section 4; of texels and of a linear model's coefficients, the
baselines of ClipFace (arXiv 2212.01406), section 4.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface.edit.avatar import Avatar, Faces
from clipface.edit.losses import mahalanobis
from clipface.edit.mapper import Codes
from clipface.edit.sampling import Views, sample_views
from clipface.evaluation.edits.protocol import BASELINES
from clipface.evaluation.timing import synchronized_time
from clipface.guidance import EncoderMean
from clipface.head import HeadModel
from clipface.shapes import expect
from clipface.texture.flame_texture import flame_texture_model
from clipface.texture.linear import TextureModel, load_texture_model

# Of Adam, chosen so that a prompt is reached in about a hundred steps: codes, colours in 0..1, standard deviations.
RATES = {"w_plus": 0.05, "texels": 0.02, "linear": 0.1}
EXPRESSION_RATE = 0.03
FLAME_SIZE = 256  # texels of FLAME's linear textures: of 512, 200 directions take 0.6 GB


class Objective(NamedTuple):
    """What a mapper's run trains with: its loss, its views and what it may change."""

    avatar: Avatar
    directional_loss: EncoderMean
    views: Views  # of each face
    image_size: int  # pixels
    expression_prior_weight: float
    region: str | None = None  # that the texture's change is kept to
    expression: bool = True  # whether it may change


class DirectEdits(NamedTuple):
    """Optimised faces, and what one of them took."""

    codes: Codes
    texture: Tensor  # [B, 3, R, R] in 0..1
    seconds_a_face: float


class FreeFaces(nn.Module):
    """What may change of some faces: their expression, and codes, texels or coefficients of a linear model.

    Args:
        method: one of `BASELINES`.
        codes: B faces before the edit.
        texture: their textures [B, 3, R, R] in 0..1.
        linear: for the method of that name: its directions are added to the textures, which stay what they were else.
    """

    def __init__(self, method: str, codes: Codes, texture: Tensor, linear: TextureModel | None = None) -> None:
        super().__init__()
        if method not in BASELINES:
            raise ValueError(f"method: expected one of {', '.join(BASELINES)}, got {method!r}")
        if (method == "linear") != (linear is not None):
            found = "none" if linear is None else "one"
            raise ValueError(f"linear: expected a texture model for the method linear alone, got {found} for {method}")
        expect("texture", texture, (len(codes.w_plus), 3, "R", "R"))
        self.method, self.linear, self.codes, self.original = method, linear, codes, texture
        start = {"w_plus": codes.w_plus, "texels": texture}
        count = linear.count if linear else 0
        self.change = nn.Parameter(torch.zeros_like(start.get(method, texture.new_zeros(len(texture), count))))
        self.expression = nn.Parameter(torch.zeros_like(codes.expression))

    def forward(self, paint: Callable[[Tensor], Tensor]) -> tuple[Codes, Tensor]:
        """Changed codes and textures; `paint` turns codes into textures. Gradient: to what may change."""
        codes = self.codes._replace(expression=self.codes.expression + self.expression)
        if self.method == "w_plus":
            codes = codes._replace(w_plus=codes.w_plus + self.change)
            return codes, paint(codes.w_plus)
        return codes, (self.original + self._texels()).clamp(0, 1)

    def _texels(self) -> Tensor:
        if self.method == "texels":
            return self.change
        moved = self.linear(self.change) - self.linear.mean
        side = self.original.shape[-1]
        return functional.interpolate(moved, (side, side), mode="bilinear", align_corners=False)


def optimise(
    objective: Objective, faces: Faces, method: str, steps: int, seed: int = 0, linear: TextureModel | None = None
) -> DirectEdits:
    """Optimise faces with a mapper's loss, views and prior; each face's result depends on that face alone.

    Args:
        objective: of the mapper to compare with.
        faces: B of them, optimised together.
        method: one of `BASELINES`.
        steps: of Adam, whose rates fall to zero along half a cosine.
        seed: of the views.
        linear: texture model, for that method.
    """
    avatar, device = objective.avatar, faces.codes.shape.device
    start = synchronized_time(device)
    with torch.no_grad():
        original = avatar.texture(faces.codes.w_plus)
    free = FreeFaces(method, faces.codes, original, linear)
    free.expression.requires_grad_(objective.expression)
    rates = [{"params": [free.change], "lr": RATES[method]}, {"params": [free.expression], "lr": EXPRESSION_RATE}]
    optimizer = torch.optim.Adam(rates)
    fall = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / steps))
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss(objective, free, original, generator).backward()
        optimizer.step()
        fall.step()
    with torch.no_grad():
        codes, texture = free(avatar.texture)
        texture = avatar.blend(original, texture, objective.region)
    return DirectEdits(codes, texture, (synchronized_time(device) - start) / len(original))


def loss(objective: Objective, free: FreeFaces, original: Tensor, generator: torch.Generator) -> Tensor:
    """The mapper's loss of new views, summed over the faces, so that no face's gradient depends on the others."""
    avatar, count, size = objective.avatar, len(original), objective.image_size
    views = objective.views._replace(count=count * objective.views.count)
    camera, background = (None if x is None else x.to(original.device) for x in sample_views(views, generator))
    with torch.no_grad():
        before = avatar.views(original, free.codes, camera, size, background)
    codes, texture = free(avatar.texture)
    texture = avatar.blend(original, texture, objective.region)
    after = avatar.views(texture, codes, camera, size, background)
    prior = mahalanobis(codes.expression, avatar.head.expression_precision)
    if free.method == "linear":  # its coefficients have unit variance
        prior = prior + free.change.square().sum(1).mean()
    return count * (objective.directional_loss(after, before) + objective.expression_prior_weight * prior)


def optimise_all(
    objective: Objective, faces: Faces, method: str, steps: int, together: int, linear: TextureModel | None = None
) -> DirectEdits:
    """Optimise any number of faces, `together` at a time; the rest as in `optimise`."""
    parts, count = [], len(faces.camera)
    for start in range(0, count, together):
        rows = slice(start, start + together)
        some = Faces(faces.codes.rows(rows), faces.camera[rows])
        parts.append((len(some.camera), optimise(objective, some, method, steps, start, linear)))
    codes = Codes.joined([part.codes for _, part in parts])
    seconds = sum(number * part.seconds_a_face for number, part in parts) / count
    return DirectEdits(codes, torch.cat([part.texture for _, part in parts]), seconds)


def read_linear(head: HeadModel, path: Path | None) -> TextureModel:
    """Read the linear texture model of a head; None: the one that comes with the project, .npz: one of FLAME's.

    Raises:
        ValueError: if it is of another head.
    """
    if path is not None and path.suffix == ".npz":
        return flame_texture_model(path, FLAME_SIZE).to(head.v_template.device)
    found = load_texture_model(head, path)
    if found is None:
        raise ValueError(
            f"texture-model: expected one of {head.source}, got the one that comes with the project, which is of "
            "another head; build one by scripts/recipes/build_texture_model.py, or leave linear out of --methods"
        )
    return found[0]
