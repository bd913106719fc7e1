"""How badly heads explain MediaPipe's face points of images."""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.fit.contour import ContourLines, contour_lines
from clipface.fit.correspondence import Correspondence, correspondence
from clipface.fit.face_points import OUTER_EYE_CORNERS, FacePoints, read_face_points
from clipface.fit.head_subset import head_at_points
from clipface.fit.point_slopes import PointSlopes
from clipface.fit.priors import FitParameters, Prior, PriorSettings
from clipface.fit.weak_perspective import axis_angle, weak_perspective
from clipface.head import HeadModel
from clipface.head.model import rotation_matrices
from clipface.shapes import expect

REGION_WEIGHTS = {
    "eyes": 1.2, "brows": 0.5, "nose": 1.0, "outer lips": 1.0, "inner lips": 1.0, "cheeks": 0.3, "chin": 0.3,
    "forehead": 0.3, "contour": 0.35, "irises": 1.2,
}  # fmt: skip


@dataclass
class LandmarkSettings:
    """Numbers of the objective, found on the images of scripts/measure/fits.py."""

    sigma: float = 0.01  # a point's error, over the outer eye corners' distance, beyond which it counts linearly
    trust: float = 0.8  # of the data: neighbouring points err together, so they count for fewer
    weights: dict[str, float] = field(default_factory=lambda: dict(REGION_WEIGHTS))
    prior: PriorSettings = field(default_factory=PriorSettings)


class LandmarkObjective:
    """How badly heads explain the face points of images, and how unlikely the heads are.

    Only the triangles are evaluated that hold the points.

    Args:
        head: the head to fit; everything is computed on its device.
        points: [B, 478, 2] MediaPipe's points in the crop's [-1, 1], y down.
        identity_of: [B] int64, the person's number of each image, 0 to G - 1; None gives every image its own.
        weights: [B or 1, N or 1], multiplied onto the weights of the correspondence's N points; 0 leaves a point out.
        settings: spreads and weights.
        face_points: other numbers than the shipped ones, for the prior.
        on: another correspondence than `correspondence(head)`.

    Attributes:
        on: the points on the head. prior: what heads are likely. targets: [B, N, 2]. eye_distance: [B], of the outer
        eye corners in the crop.
    """

    def __init__(
        self,
        head: HeadModel,
        points: Tensor,
        identity_of: Tensor | None = None,
        weights: Tensor | None = None,
        settings: LandmarkSettings | None = None,
        face_points: FacePoints | None = None,
        on: Correspondence | None = None,
    ) -> None:
        self.batch = expect("points", points, ("B", 478, 2))["B"]
        self.head, self.settings = head, settings or LandmarkSettings()
        like = head.v_template
        self.on, lines = _points_of(head) if on is None else (on, contour_lines(head, on))
        self.lines = ContourLines(*(part.to(like.device) for part in lines))
        self.identity_of = _checked_people(identity_of, self.batch).to(like.device)
        self.people = int(self.identity_of.max()) + 1
        self.retarget(points)
        self.weights = like.new_tensor([[self.settings.weights[region] for region in self.on.regions]] * self.batch)
        if weights is not None:
            sizes = zip(weights.shape, self.weights.shape, strict=False)
            if weights.ndim != 2 or any(given not in (1, size) for given, size in sizes):
                expected = f"({self.batch} or 1, {len(self.on.numbers)} or 1)"
                raise ValueError(f"weights: expected shape {expected}, got {tuple(weights.shape)}")
            self.weights = self.weights * weights.to(like)
        self.prior = Prior(head, face_points or read_face_points(), self.settings.prior)
        self._prepare_head()

    def retarget(self, points: Tensor) -> None:
        """Put points [B, 478, 2] of as many other images of the same people in place of those there are."""
        points = points.to(self.head.v_template)
        self.targets = points[:, self.on.numbers.to(points.device)]
        self.eye_distance = (points[:, OUTER_EYE_CORNERS[0]] - points[:, OUTER_EYE_CORNERS[1]]).norm(dim=1)

    @torch.no_grad()
    def _prepare_head(self) -> None:
        on = self.on
        self._count = len(on.numbers)
        self._rows, device = self.lines.rows, self.targets.device
        corners = torch.cat([on.corners.to(device), self.lines.corners.flatten(0, 1)])
        barycentric = torch.cat([on.barycentric.to(device), self.lines.barycentric.flatten(0, 1)])
        self.small = head_at_points(self.head, corners, barycentric, self.prior.n_shape, self.prior.slots)
        mean = self.small(self.prior.shape_mean[None])
        self.neutral = self.small.landmarks(mean)[0, : self._count]  # [N, 3]
        self._centre = self.neutral.mean(0)
        self._root = (self.small.joint_regressor @ self.small.v_template)[0]
        self._slopes = PointSlopes(self.head, corners, barycentric, self.prior.n_shape, self.prior.slots)

    @torch.no_grad()
    def initial(self) -> FitParameters:
        """The mean person under the cameras that fit best."""
        flip = self.targets.new_tensor([1.0, -1.0])
        turn, scale, shift = weak_perspective(self.neutral, self.targets * flip, self.weights)
        place = (scale[:, None] * (turn @ self._centre)[:, :2] + shift) * flip
        zero = self.targets.new_zeros
        pose = torch.cat([axis_angle(turn), zero(self.batch, 3)], 1)
        shape = self.prior.shape_mean.repeat(self.people, 1)
        expression = zero(self.batch, len(self.prior.slots))
        return FitParameters(shape, expression, pose, zero(self.batch, 6), scale.log(), place)

    @torch.no_grad()
    def from_fit(self, fit: HeadFit) -> FitParameters:
        """An earlier fit of the same images, as leaves; a person's identity is the mean of the images'."""
        shares = torch.bincount(self.identity_of, minlength=self.people)[:, None]
        shape = fit.shape.new_zeros(self.people, self.prior.n_shape)
        shape = shape.index_add(0, self.identity_of, fit.shape[:, : self.prior.n_shape]) / shares
        flip = fit.scale.new_tensor([1.0, -1.0])
        place = (fit.translation + self._offset(fit.pose)) * fit.scale[:, None] * flip
        expression = fit.expression[:, self.prior.slots]
        return FitParameters(shape, expression, fit.pose, fit.eye_pose, fit.scale.log(), place).leaves()

    def fit(self, parameters: FitParameters) -> HeadFit:
        """The parameters as a `HeadFit` with every coefficient of the head, light even, texture empty.

        Gradient: to all parameters.
        """
        like = parameters.expression
        shape = like.new_zeros(self.batch, self.head.n_shape)
        shape[:, : self.prior.n_shape] = parameters.shape[self.identity_of]
        expression = like.new_zeros(self.batch, self.head.n_expression)
        expression[:, self.prior.slots] = like
        light = like.new_zeros(self.batch, 9, 3)
        light[:, 0] = 1.0
        translation, texture = self._translation(parameters), like.new_zeros(self.batch, 0)
        scale = parameters.log_scale.exp()
        return HeadFit(shape, expression, parameters.pose, parameters.eye_pose, scale, translation, light, texture)

    def predicted(self, parameters: FitParameters) -> tuple[Tensor, Tensor]:
        """Where the points are.

        Returns:
            [B, N, 2] in the crop's [-1, 1], those of the contour on the silhouette; and [B, N] bool, which of them have
            slid there.

        Gradient: through the points; not through the choice of silhouette points.
        """
        alone = parameters._replace(shape=parameters.shape[self.identity_of])
        posed, samples = self._points(alone)
        chosen = self.lines.chosen(samples)
        slid = torch.zeros_like(posed[..., 0], dtype=torch.bool).index_copy(1, self._rows, chosen > 0)
        return self._on_silhouette(alone, posed, samples, chosen), slid

    def linearised(self, heads: FitParameters) -> tuple[Tensor, Tensor, Tensor]:
        """Where the points of K heads of as many identities are, and how that changes.

        Returns:
            Which sample of its line each contour point slides to, [K, C] int64; places [K, N, 2]; and their slopes
            [K, N, 2, S' + E'] by identity and expression, with the silhouette as it is. Gradient: none.
        """
        points, samples = self._points(heads)
        chosen, count = self.lines.chosen(samples), self._count
        numbers = torch.arange(count, device=points.device).repeat(len(points), 1)
        along = torch.arange(len(self._rows), device=points.device) * samples.shape[2]
        numbers[:, self._rows] = count + along + chosen
        slopes = self._slopes(self.small.turns(heads.pose, heads.eye_pose), numbers)
        scale = heads.log_scale.exp()[:, None, None, None] * slopes.new_tensor([1.0, -1.0])[:, None]
        return chosen, self._on_silhouette(heads, points, samples, chosen), slopes * scale

    def placed(self, heads: FitParameters, chosen: Tensor) -> Tensor:
        """Places [K, N, 2] of the points of K heads of as many identities, on given silhouettes; gradient: to heads."""
        return self._on_silhouette(heads, *self._points(heads), chosen)

    def _points(self, heads: FitParameters) -> tuple[Tensor, Tensor]:
        """The points [K, N, 3] themselves, and the samples of the contour's lines [K, C, L, 3]."""
        vertices = self.small(heads.shape, heads.expression, heads.pose, eye_pose=heads.eye_pose)
        everything = self.small.landmarks(vertices)
        samples = everything[:, self._count :].unflatten(1, self.lines.corners.shape[:2])
        return everything[:, : self._count], samples

    def _on_silhouette(self, heads: FitParameters, points: Tensor, samples: Tensor, chosen: Tensor) -> Tensor:
        outline = samples.gather(2, chosen[..., None, None].expand(-1, -1, 1, 3))[:, :, 0]
        points = points.index_copy(1, self._rows, outline)
        placed = (points[..., :2] + self._translation(heads)[:, None]) * heads.log_scale.exp()[:, None, None]
        return placed * placed.new_tensor([1.0, -1.0])

    def errors(self, parameters: FitParameters) -> Tensor:
        """Distances [B, N] between points and targets over the distance of the outer eye corners."""
        return (self.predicted(parameters)[0] - self.targets).norm(dim=-1) / self.eye_distance[:, None]

    def loss(self, parameters: FitParameters) -> Tensor:
        """Twice the negative logarithm of likelihood times prior [B], without a constant."""
        away = self.errors(parameters) / self.settings.sigma
        # Charbonnier: quadratic near zero, linear far away; its gradient is smooth where the error is zero.
        data = self.weights * 2 * ((1 + away.square()).sqrt() - 1)
        return self.settings.trust * data.sum(1) + self.prior.loss(parameters, self.identity_of)

    def clamp(self, parameters: FitParameters) -> None:
        """Bring parameters back to what a face can do, in place; after each step of an optimiser."""
        self.prior.clamp(parameters)

    def _offset(self, pose: Tensor) -> Tensor:
        """Where the middle of the mean face's points comes to lie [B, 2], metres."""
        return (rotation_matrices(pose[:, :3]) @ (self._centre - self._root) + self._root)[:, :2]

    def _translation(self, parameters: FitParameters) -> Tensor:
        flip = parameters.place.new_tensor([1.0, -1.0])
        return parameters.place * flip / parameters.log_scale.exp()[:, None] - self._offset(parameters.pose)


_POINTS: WeakKeyDictionary[HeadModel, tuple[Correspondence, ContourLines]] = WeakKeyDictionary()


def _points_of(head: HeadModel) -> tuple[Correspondence, ContourLines]:
    """The points on a head and the lines its outline's slide along, which take a second and are found once a head."""
    if head not in _POINTS:
        on = correspondence(head)
        _POINTS[head] = on, contour_lines(head, on)
    return _POINTS[head]


def _checked_people(identity_of: Tensor | None, batch: int) -> Tensor:
    if identity_of is None:
        return torch.arange(batch)
    expect("identity_of", identity_of, (batch,))
    numbers = torch.unique(identity_of)
    if identity_of.is_floating_point() or not torch.equal(numbers.cpu(), torch.arange(len(numbers))):
        given = numbers[:5].tolist()
        raise ValueError(f"identity_of: expected whole numbers from 0 to G - 1, each present, got {given}")
    return identity_of.long()
