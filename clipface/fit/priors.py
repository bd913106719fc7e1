"""What is known of faces before looking at an image: identity, expression, jaw and gaze."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.fit.face_points import FacePoints
from clipface.head import HeadModel
from clipface.head.expressions import SIDES
from clipface.head.mesh import topology

N_SHAPE, N_UNNAMED = 100, 50  # identity coefficients fitted; expression ones of a head whose slots have no names
# Slots of ARKit that are fitted. The others are gaze, jaw and tongue, which are pose or do not show in the points.
SIDED = ("eyeBlink", "eyeSquint", "eyeWide", "mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthPress",
         "mouthLowerDown", "mouthUpperUp", "browDown", "browOuterUp", "cheekSquint", "noseSneer")  # fmt: skip
SINGLE = ("jawForward", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthRollLower",
          "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "browInnerUp", "cheekPuff")  # fmt: skip


class FitParameters(NamedTuple):
    """What is optimised, G people in B images.

    `shape` [G, S'] first identity coefficients; `expression` [B, E'] of the slots fitted; `pose` [B, 6] and `eye_pose`
    [B, 6] as in `HeadFit`; `log_scale` [B]; `place` [B, 2], where in the crop the middle of a mean face's points would
    lie with this pose and scale, which, unlike a translation, hardly changes when the head turns.
    """

    shape: Tensor
    expression: Tensor
    pose: Tensor
    eye_pose: Tensor
    log_scale: Tensor
    place: Tensor

    def leaves(self) -> "FitParameters":
        """A copy that an optimiser can change."""
        return FitParameters(*(part.detach().clone().requires_grad_() for part in self))


@dataclass
class PriorSettings:
    """Spreads are standard deviations; found on the images of scripts/measure/fits.py."""

    shape: float = 1.0  # weight of the identity's squared distance from the mean person
    expression: float = 0.7  # spread of a named slot
    sparse: float = 4.0  # weight of a named slot itself: slots that explain little stay at rest
    unnamed_expression: float = 1.0  # spread of a slot without a name
    mouth_close: float = 0.1  # spread of mouthClose, which with the jaw could hide a wrong identity
    jaw: tuple[float, float, float] = (0.15, 0.02, 0.02)  # spread, radians
    gaze: float = 0.25  # spread, radians
    coupling: float = 0.1  # spread of left minus right slots, and, in radians, of left minus right gaze
    jaw_range: tuple[float, float] = (-0.03, 0.6)  # radians about the first axis
    gaze_most: float = 0.6  # radians


class Prior:
    """How unlikely the parameters of heads are.

    On a head with ARKit's slot names those are fitted as strengths in [0, 1], left and right tied together; on another
    head the first coefficients, which have unit variance. The mean and the covariance of identities come with the
    shipped numbers for the open head; another head's are its own unit normal.

    Attributes:
        n_shape: how many identity coefficients are fitted.
        slots: [E'] int64, which expression coefficients are fitted.
        shape_mean, whitening: [n_shape] and [n_shape, n_shape], see `whitened`.
    """

    def __init__(self, head: HeadModel, points: FacePoints, settings: PriorSettings) -> None:
        device, self.settings = head.v_template.device, settings
        self.n_shape = min(N_SHAPE, head.n_shape)
        places = {name: slot for slot, name in enumerate(head.expression_names)}
        names = [f"{name}{side}" for name in SIDED for side in SIDES] + list(SINGLE)
        self.named = all(name in places for name in names)
        slots = [places[name] for name in names] if self.named else range(min(N_UNNAMED, head.n_expression))
        self.slots = torch.tensor(list(slots), device=device)
        self._close = names.index("mouthClose")
        mean, covariance = torch.zeros(self.n_shape).double(), torch.eye(self.n_shape).double()
        if topology(head) == points.topology:
            mean = torch.from_numpy(points.shape_mean)[: self.n_shape]
            covariance = torch.from_numpy(points.shape_covariance)[: self.n_shape, : self.n_shape]
        self.shape_mean = mean.to(head.v_template)
        self.whitening = torch.linalg.inv(torch.linalg.cholesky(covariance)).to(head.v_template)

    def whitened(self, shape: Tensor) -> Tensor:
        """Identity coefficients [G, n_shape] in units in which people differ equally in all directions."""
        return (shape - self.shape_mean) @ self.whitening.T

    def loss(self, parameters: FitParameters, identity_of: Tensor) -> Tensor:
        """Twice the negative logarithm of the density [B], without a constant; a person's identity counts once in all.

        Args:
            parameters: of G people in B images.
            identity_of: [B] int64, whose image each is.
        """
        s = self.settings
        shares = torch.bincount(identity_of, minlength=len(parameters.shape))
        loss = (s.shape * self.whitened(parameters.shape).square().sum(1) / shares)[identity_of]
        expression = parameters.expression
        if self.named:
            left, right = expression[:, : 2 * len(SIDED)].unflatten(1, (-1, 2)).unbind(2)
            loss = loss + ((left - right) / s.coupling).square().sum(1)
            loss = loss + (expression / s.expression).square().sum(1) + s.sparse * expression.sum(1)
            loss = loss + (expression[:, self._close] / s.mouth_close).square()
        else:
            loss = loss + (expression / s.unnamed_expression).square().sum(1)
        jaw = parameters.pose[:, 3:] / parameters.pose.new_tensor(s.jaw)
        gaze = parameters.eye_pose.unflatten(1, (2, 3))
        loss = loss + jaw.square().sum(1) + (gaze / s.gaze).square().sum((1, 2))
        return loss + ((gaze[:, 0] - gaze[:, 1]) / s.coupling).square().sum(1)

    @torch.no_grad()
    def clamp(self, parameters: FitParameters) -> None:
        """Bring parameters back to what a face can do, in place."""
        if self.named:
            parameters.expression.clamp_(0, 1)
        parameters.pose[:, 3].clamp_(*self.settings.jaw_range)
        parameters.eye_pose.clamp_(-self.settings.gaze_most, self.settings.gaze_most)
