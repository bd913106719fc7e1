"""What is known of people before a picture is seen: identity, expression and pose."""

from typing import NamedTuple

import torch
from torch import Tensor

from clipface.fit.face_points import FacePoints
from clipface.head import HeadModel

N_SHAPE, N_UNNAMED = 100, 50  # identity coefficients fitted; expression ones of a head whose slots have no names
# Slots of ARKit that are fitted. The others are gaze, jaw and tongue, which are pose or not to be seen from points.
SIDED = ("eyeBlink", "eyeSquint", "eyeWide", "mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthPress",
         "mouthLowerDown", "mouthUpperUp", "browDown", "browOuterUp", "cheekSquint", "noseSneer")  # fmt: skip
SINGLE = ("jawForward", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthRollLower",
          "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "browInnerUp", "cheekPuff")  # fmt: skip


class Slots(NamedTuple):
    """Expression coefficients to fit.

    `used` [E'] int64 slots of the head; `pairs` [P, 2] int64 places in `used` of left and right; `named` says that the
    slots are ARKit's, strengths in [0, 1]; `close` is the place of mouthClose in `used`, -1 where there is none.
    """

    used: Tensor
    pairs: Tensor
    named: bool
    close: int


def slots_of(head: HeadModel) -> Slots:
    """Choose the expression slots to fit: ARKit's by their names, or else the first ones."""
    places = {name: slot for slot, name in enumerate(head.expression_names)}
    names = [f"{name}{side}" for name in SIDED for side in ("Left", "Right")] + list(SINGLE)
    if any(name not in places for name in names):
        count = min(N_UNNAMED, head.n_expression)
        return Slots(torch.arange(count), torch.zeros(0, 2, dtype=torch.long), False, -1)
    pairs = torch.arange(2 * len(SIDED)).view(-1, 2)
    return Slots(torch.tensor([places[name] for name in names]), pairs, True, names.index("mouthClose"))


class ShapePrior(NamedTuple):
    """A normal distribution of identity coefficients: `mean` [S] and `whitening` [S, S], its rows divided by spread."""

    mean: Tensor
    whitening: Tensor

    def __call__(self, shape: Tensor) -> Tensor:
        """Squared Mahalanobis distance [G] of coefficients [G, S]."""
        return ((shape - self.mean.to(shape)) @ self.whitening.to(shape).T).square().sum(1)


def shape_prior(head_is_open: bool, points: FacePoints, count: int) -> ShapePrior:
    """The prior of the open head's people, or the head's own unit normal."""
    if not head_is_open:
        return ShapePrior(torch.zeros(count), torch.eye(count))
    covariance = torch.from_numpy(points.shape_covariance)
    whitening = torch.linalg.inv(torch.linalg.cholesky(covariance))
    return ShapePrior(torch.from_numpy(points.shape_mean).float(), whitening.float())
