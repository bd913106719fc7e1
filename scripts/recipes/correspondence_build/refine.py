"""Moving face points over a head until fits of photographs explain them."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.fit.correspondence import Correspondence, place, settle
from clipface.fit.face_points import FacePoints
from clipface.fit.landmark_objective import LandmarkObjective, LandmarkSettings
from clipface.fit.landmarks import minimise
from clipface.fit.priors import FitParameters
from clipface.head import HeadModel
from clipface.head.model import rotation_matrices

from .people import distribution

ROBUST_ROUNDS, ROBUST = 5, 0.0015  # of reweighting; metres of error from which on an image counts less
RIDGE = 0.02  # on squared steps, over the squared slope of a surface that faces the viewer
LONGEST = 0.004  # metres a point goes in one round


class Images(NamedTuple):
    """`points` [B, 478, 2] in the crop's [-1, 1]; `person` [B] int64, 0 to G - 1."""

    points: Tensor
    person: Tensor

    def of(self, people: Tensor) -> "Images":
        """The images of some people [P] int64, who are numbered anew."""
        new = torch.full((int(self.person.max()) + 1,), -1)
        new[people] = torch.arange(len(people))
        rows = new[self.person] >= 0
        return Images(self.points[rows], new[self.person[rows]])


def fit(
    head: HeadModel, images: Images, given: FacePoints, settings: LandmarkSettings | None = None
) -> tuple[LandmarkObjective, FitParameters]:
    """Fit all images, one identity a person."""
    on = place(head, given, given.faces, given.barycentric)
    objective = LandmarkObjective(head, images.points, images.person, None, settings, given, on)
    parameters = minimise(objective, objective.initial())
    return objective, FitParameters(*(part.detach() for part in parameters))


def improved(
    head: HeadModel, images: Images, given: FacePoints, settings: LandmarkSettings | None, learn: bool
) -> FacePoints:
    """One round: fit, move the points and, if `learn`, take the distribution of identities from the fits."""
    objective, parameters = fit(head, images, given, settings)
    targets = moved(head, given, objective, parameters)
    faces, barycentric = settle(head, given, head.v_template.double().numpy(), targets)
    better = given._replace(faces=faces, barycentric=barycentric)
    if learn:
        mean, covariance = distribution(objective, given, images.points[:1], parameters.shape)
        better = better._replace(shape_mean=mean.numpy(), shape_covariance=covariance.numpy())
    errors = objective.errors(parameters)
    print(f"all points {100 * errors.median():.2f} / {100 * errors.flatten().quantile(0.95):.2f} %", flush=True)
    return better


@torch.no_grad()
def moved(head: HeadModel, given: FacePoints, objective: LandmarkObjective, parameters: FitParameters) -> np.ndarray:
    """Where the points should lie on the mean head [N, 3], symmetric.

    Each has gone along the surface against its errors. The step is the robust least-squares one over all images, so
    turned heads show how deep a point lies.
    """
    predicted, slid = objective.predicted(parameters)
    error = (objective.targets - predicted) / parameters.log_scale.exp()[:, None, None]
    error = (error * error.new_tensor([1.0, -1.0])).double()  # [B, N, 2] metres, seen from the camera
    turn = rotation_matrices(parameters.pose[:, :3])[:, :2].double()  # [B, 2, 3]
    here, tangents = _tangents(head, objective.on)
    slope = torch.einsum("bij,njk->bnik", turn, tangents)  # [B, N, 2, 2]
    known = (~slid).double()  # a point that slid along the outline does not show where it belongs
    step = error.new_zeros(error.shape[1], 2)
    for _ in range(ROBUST_ROUNDS):
        left = error - torch.einsum("bnik,nk->bni", slope, step)
        weight = known / (1 + left.square().sum(-1) / ROBUST**2).sqrt()
        normal = torch.einsum("bn,bnik,bnil->nkl", weight, slope, slope)
        normal += RIDGE * weight.sum(0)[:, None, None] * torch.eye(2, dtype=error.dtype)
        step = torch.linalg.solve(normal, torch.einsum("bn,bnik,bni->nk", weight, slope, error))
    step = step * (LONGEST / step.norm(dim=1, keepdim=True).clamp(min=LONGEST))
    goal = here + (tangents @ step[..., None])[..., 0].numpy()
    return (goal + goal[given.mirror] * [-1, 1, 1]) / 2


def _tangents(head: HeadModel, on: Correspondence) -> tuple[np.ndarray, Tensor]:
    """The points on the mean head [N, 3] and two unit vectors along the surface there [N, 3, 2]."""
    vertices = head()
    corners = vertices[0][on.corners].double()
    along = torch.nn.functional.normalize(corners[:, 1] - corners[:, 0], dim=1)
    normal = torch.nn.functional.normalize(torch.linalg.cross(along, corners[:, 2] - corners[:, 0]), dim=1)
    return on.on(vertices)[0].double().numpy(), torch.stack([along, torch.linalg.cross(normal, along)], 2)
