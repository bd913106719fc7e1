"""Heads fitted to MediaPipe's face points."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.fit.contour import contour_lines
from clipface.fit.correspondence import Correspondence, correspondence, topology
from clipface.fit.face_points import OUTER_EYE_CORNERS, FacePoints, read_face_points
from clipface.fit.head_subset import head_at_points
from clipface.fit.parameters import HeadFit
from clipface.fit.priors import N_SHAPE, ShapePrior, Slots, shape_prior, slots_of
from clipface.head import HeadModel
from clipface.head.model import rotation_matrices
from clipface.shapes import expect

REGION_WEIGHTS = {
    "eyes": 1.2, "brows": 0.5, "nose": 1.0, "outer lips": 1.0, "inner lips": 1.0, "cheeks": 0.3, "chin": 0.3,
    "forehead": 0.3, "contour": 0.35, "irises": 1.2,
}  # fmt: skip


@dataclass
class LandmarkSettings:
    """Numbers of the landmark objective. Spreads are standard deviations; weights multiply squared distances."""

    sigma: float = 0.01  # of a point, over the distance between the outer eye corners; farther points count linearly
    trust: float = 0.5  # of the data: neighbouring points err together, so they count for fewer
    shape: float = 1.0  # weight of the identity prior
    expression: float = 0.5  # spread of a named slot
    unnamed_expression: float = 1.0  # spread of a slot without a name
    mouth_close: float = 0.1  # spread of mouthClose, which with the jaw can hide a wrong identity
    jaw: tuple[float, float, float] = (0.15, 0.02, 0.02)  # spread, radians
    gaze: float = 0.25  # spread, radians
    coupling: float = 0.1  # spread of left minus right slots, and of left minus right gaze
    jaw_range: tuple[float, float] = (-0.03, 0.6)  # radians
    gaze_most: float = 0.6  # radians
    weights: dict[str, float] = field(default_factory=lambda: dict(REGION_WEIGHTS))


class FitParameters(NamedTuple):
    """What is optimised, G people in B pictures.

    `shape` [G, S']; `expression` [B, E'] of the slots fitted; `pose` [B, 6] and `eye_pose` [B, 6] as in `HeadFit`;
    `log_scale` [B]; `place` [B, 2], where the middle of the points of a mean face with this pose and scale would lie in
    the crop, which unlike a translation hardly changes when the head turns.
    """

    shape: Tensor
    expression: Tensor
    pose: Tensor
    eye_pose: Tensor
    log_scale: Tensor
    place: Tensor


class LandmarkObjective:
    """How badly heads explain the face points of pictures, and how unlikely they are.

    Args:
        head: the head to fit; on its device everything is computed.
        points: [B, 478, 2] MediaPipe's points in the crop's [-1, 1], y down.
        identity_of: [B] int64, the person's number of each picture, 0 to G - 1; None gives every picture its own.
        weights: [B or 1, N], multiplied onto the weights of the N points of the correspondence; 0 leaves a point out.
        settings: spreads and weights.
        points_on_head, face_points: other than the shipped correspondence.
    """

    def __init__(
        self,
        head: HeadModel,
        points: Tensor,
        identity_of: Tensor | None = None,
        weights: Tensor | None = None,
        settings: LandmarkSettings | None = None,
        points_on_head: Correspondence | None = None,
        face_points: FacePoints | None = None,
    ) -> None:
        self.batch = expect("points", points, ("B", 478, 2))["B"]
        self.head, self.settings = head, settings or LandmarkSettings()
        device = head.v_template.device
        given = face_points or read_face_points()
        self.on = points_on_head or correspondence(head, given)
        self.slots: Slots = slots_of(head)
        self.identity_of = torch.arange(self.batch, device=device) if identity_of is None else identity_of.to(device)
        expect("identity_of", self.identity_of, (self.batch,))
        self.people = int(self.identity_of.max()) + 1
        self.targets = points.to(head.v_template)[:, self.on.numbers.to(device)]  # [B, N, 2]
        corners = points.to(head.v_template)[:, list(OUTER_EYE_CORNERS)]
        self.eye_distance = (corners[:, 0] - corners[:, 1]).norm(dim=1)  # [B]
        by_region = torch.tensor([self.settings.weights[region] for region in self.on.regions], device=device)
        self.weights = by_region.expand(self.batch, -1) * (1.0 if weights is None else weights.to(by_region))
        self._prepare_head(given)

    def _prepare_head(self, given: FacePoints) -> None:
        head, on = self.head, self.on
        self.lines = contour_lines(head, on)
        corners = torch.cat([on.corners, self.lines.corners.flatten(0, 1)])
        barycentric = torch.cat([on.barycentric, self.lines.barycentric.flatten(0, 1)])
        n_shape = min(N_SHAPE, head.n_shape)
        self.small = head_at_points(head, corners, barycentric, n_shape, self.slots.used)
        self.prior: ShapePrior = shape_prior(topology(head) == given.topology, given, n_shape)
        mean = self.prior.mean.to(head.v_template)
        self.neutral = self.small.landmarks(self.small(mean[None]))[0, : len(on.numbers)]  # [N, 3]
        self.centre = self.neutral.mean(0)
        self.root = (self.small.joint_regressor @ self.small.v_template)[0]

    @torch.no_grad()
    def initial(self) -> FitParameters:
        """The mean head under the weak-perspective camera that fits the points best, as leaves that want gradients."""
        flip = self.targets.new_tensor([1.0, -1.0])
        weight = self.weights[..., None]
        total = weight.sum(1, keepdim=True)
        flat, solid = self.targets * flip, self.neutral.expand(self.batch, -1, -1)
        middle, centre = (weight * flat).sum(1, keepdim=True) / total, (weight * solid).sum(1, keepdim=True) / total
        a, b = (solid - centre) * weight.sqrt(), (flat - middle) * weight.sqrt()
        affine = torch.linalg.lstsq(a, b).solution.transpose(1, 2)  # [B, 2, 3]
        u, s, v = torch.linalg.svd(affine, full_matrices=False)
        rows = u @ v  # the nearest two orthonormal rows
        turn = torch.cat([rows, torch.linalg.cross(rows[:, 0], rows[:, 1])[:, None]], 1)
        scale = s.mean(1)
        aside = torch.einsum("bij,bj->bi", rows, self.centre - centre[:, 0])
        place = (middle[:, 0] + scale[:, None] * aside) * flip
        zero = self.targets.new_zeros
        pose = torch.cat([_axis_angle(turn), zero(self.batch, 3)], 1)
        shape = self.prior.mean.to(self.targets).repeat(self.people, 1)
        parts = FitParameters(shape, zero(self.batch, len(self.slots.used)), pose, zero(self.batch, 6), scale.log(), place)
        return FitParameters(*(part.detach().clone().requires_grad_() for part in parts))

    @torch.no_grad()
    def from_fit(self, fit: HeadFit) -> FitParameters:
        """The parameters of an earlier fit of the same pictures, as leaves; a person's shape is the pictures' mean."""
        count = len(self.prior.mean)
        shape = fit.shape.new_zeros(self.people, count).index_add_(0, self.identity_of, fit.shape[:, :count])
        shape = shape / torch.bincount(self.identity_of, minlength=self.people)[:, None]
        offset = self._offset(fit.pose)
        place = (fit.translation + offset) * fit.scale[:, None] * fit.scale.new_tensor([1.0, -1.0])
        expression = fit.expression[:, self.slots.used.to(fit.expression.device)]
        parts = FitParameters(shape, expression, fit.pose, fit.eye_pose, fit.scale.log(), place)
        return FitParameters(*(part.detach().clone().requires_grad_() for part in parts))

    def fit(self, parameters: FitParameters) -> HeadFit:
        """The parameters as a `HeadFit` with every coefficient of the head; differentiable. Light is even, no texture."""
        batch, like = self.batch, parameters.expression
        shape = like.new_zeros(batch, self.head.n_shape)
        shape[:, : parameters.shape.shape[1]] = parameters.shape[self.identity_of]
        expression = like.new_zeros(batch, self.head.n_expression)
        expression[:, self.slots.used.to(like.device)] = parameters.expression
        light = like.new_zeros(batch, 9, 3)
        light[:, 0] = 1.0
        scale = parameters.log_scale.exp()
        return HeadFit(
            shape, expression, parameters.pose, parameters.eye_pose, scale, self._translation(parameters, scale), light,
            like.new_zeros(batch, 0),
        )  # fmt: skip

    def predicted(self, parameters: FitParameters) -> Tensor:
        """The N points [B, N, 2] in the crop's [-1, 1]; those of the contour where the silhouette is now."""
        return self._predicted(parameters)[0]

    def slid(self, parameters: FitParameters) -> Tensor:
        """Which contour points [B, C] have left their place for the silhouette."""
        return self._predicted(parameters)[1] > 0

    def _predicted(self, parameters: FitParameters) -> tuple[Tensor, Tensor]:
        scale = parameters.log_scale.exp()
        vertices = self.small(
            parameters.shape[self.identity_of], parameters.expression, parameters.pose, eye_pose=parameters.eye_pose
        )
        everything = self.small.landmarks(vertices)
        count, lines = len(self.on.numbers), self.lines
        posed, samples = everything[:, :count], everything[:, count:].unflatten(1, lines.corners.shape[:2])
        chosen = lines.chosen(samples)
        slid = samples.gather(2, chosen[..., None, None].expand(-1, -1, 1, 3))[:, :, 0]
        posed = posed.index_copy(1, lines.rows.to(posed.device), slid)
        placed = (posed[..., :2] + self._translation(parameters, scale)[:, None]) * scale[:, None, None]
        return placed * placed.new_tensor([1.0, -1.0]), chosen

    def errors(self, parameters: FitParameters) -> Tensor:
        """Distances [B, N] of points over the distance between the outer eye corners."""
        return (self.predicted(parameters) - self.targets).norm(dim=-1) / self.eye_distance[:, None]

    def loss(self, parameters: FitParameters) -> Tensor:
        """Twice the negative logarithm of the likelihood times the prior [B]; a person's shape counts once."""
        away = (self.predicted(parameters) - self.targets) / (self.settings.sigma * self.eye_distance[:, None, None])
        # Charbonnier: quadratic up to sigma, linear beyond.
        data = self.weights * 2 * ((1 + away.square().sum(-1)).sqrt() - 1)
        return self.settings.trust * data.sum(1) + self.prior_loss(parameters)

    def prior_loss(self, parameters: FitParameters) -> Tensor:
        """The prior's part of the loss [B]."""
        s = self.settings
        shares = torch.bincount(self.identity_of, minlength=self.people).to(parameters.shape)
        loss = (s.shape * self.prior(parameters.shape) / shares)[self.identity_of]
        spread = s.expression if self.slots.named else s.unnamed_expression
        loss = loss + (parameters.expression / spread).square().sum(1)
        if self.slots.named:
            left, right = (parameters.expression[:, self.slots.pairs[:, side].to(loss.device)] for side in (0, 1))
            loss = loss + ((left - right) / s.coupling).square().sum(1)
            loss = loss + (parameters.expression[:, self.slots.close] / s.mouth_close).square()
        jaw = parameters.pose[:, 3:] / parameters.pose.new_tensor(s.jaw)
        gaze = parameters.eye_pose.unflatten(1, (2, 3))
        loss = loss + jaw.square().sum(1) + (gaze / s.gaze).square().sum((1, 2))
        return loss + ((gaze[:, 0] - gaze[:, 1]) / s.coupling).square().sum(1)

    @torch.no_grad()
    def clamp(self, parameters: FitParameters) -> None:
        """Bring parameters back to what a face can do, in place."""
        s = self.settings
        if self.slots.named:
            parameters.expression.clamp_(0, 1)
        parameters.pose[:, 3].clamp_(*s.jaw_range)
        parameters.eye_pose.clamp_(-s.gaze_most, s.gaze_most)

    def _offset(self, pose: Tensor) -> Tensor:
        """Where the centre of the mean face comes to lie [B, 2], metres."""
        turned = (rotation_matrices(pose[:, :3]) @ (self.centre - self.root)) + self.root
        return turned[:, :2]

    def _translation(self, parameters: FitParameters, scale: Tensor) -> Tensor:
        return parameters.place * scale.new_tensor([1.0, -1.0]) / scale[:, None] - self._offset(parameters.pose)


RATES = FitParameters(shape=0.06, expression=0.03, pose=0.012, eye_pose=0.02, log_scale=0.008, place=0.008)


def fit_landmarks(
    head: HeadModel,
    points: Tensor,
    identity_of: Tensor | None = None,
    weights: Tensor | None = None,
    settings: LandmarkSettings | None = None,
    steps: int = 200,
) -> HeadFit:
    """Fit heads to pictures by their face points, all pictures at once.

    Args:
        head, points, identity_of, weights, settings: as for `LandmarkObjective`.
        steps: of Adam; its rate falls to zero over them along half a cosine.

    Returns:
        The heads, light even and texture empty.
    """
    objective = LandmarkObjective(head, points, identity_of, weights, settings)
    parameters = objective.initial()
    minimise(objective, parameters, steps)
    return HeadFit(*(part.detach() for part in objective.fit(parameters)))


def minimise(objective: LandmarkObjective, parameters: FitParameters, steps: int) -> None:
    """Change the parameters, which are leaves, to a minimum of the objective's loss."""
    groups = [{"params": [part], "lr": rate} for part, rate in zip(parameters, RATES, strict=True)]
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        objective.loss(parameters).sum().backward()
        optimizer.step()
        schedule.step()
        objective.clamp(parameters)


def _axis_angle(turn: Tensor) -> Tensor:
    """Axis-angle [B, 3] of rotations [B, 3, 3] by less than half a turn."""
    twice_sine = torch.stack([turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0], turn[:, 1, 0] - turn[:, 0, 1]], 1)
    angle = ((turn.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1).acos()[:, None]
    return twice_sine * 0.5 * torch.where(angle < 1e-4, torch.ones_like(angle), angle / angle.sin())
