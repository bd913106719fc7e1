"""Face points from average faces, moved over the open head by fits of photographs until they explain them."""

from argparse import Namespace
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation
from torch import Tensor

from clipface.files import read_list
from clipface.fit.correspondence import INNER, Correspondence, derived_places, place, settle
from clipface.fit.face_points import FacePoints, point_lists
from clipface.fit.gauss_newton import minimise
from clipface.fit.landmark_objective import LandmarkObjective, LandmarkSettings
from clipface.fit.priors import N_SHAPE, FitParameters
from clipface.head import HeadModel, load_head
from clipface.head.mesh import topology
from clipface.head.model import rotation_matrices
from clipface.photos.folder import examine_folder, read_labels

NEUTRAL = "neutral"
# Rounds: first the points move while identities stay near the head's mean, so that the points and not a shifted mean
# explain what the first places got wrong; then identities are learned, first from loose fits, then from close ones.
STAY, LOOSE, CLOSE = 2, 3, 4
LOOSE_SETTINGS = LandmarkSettings(sigma=0.02, trust=0.25)
# iBUG's inner 51 landmarks in MediaPipe's numbers, and the face's outline from the person's right ear to the left one.
IBUG_INNER = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178,
)  # fmt: skip
OUTLINE = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454,
           356)  # fmt: skip
ROUNDS = 5
# On the middle line from brow to chin, and eye corners: they say where up and right are.
MIDDLE, FOREHEAD, CHIN, OUTER_EYES = (10, 168, 4, 164, 152), 10, 152, (33, 263)
ROBUST_ROUNDS, ROBUST = 5, 0.0015  # of reweighting; metres of error from which on an image counts less
RIDGE = 0.02  # on squared steps, over the squared slope of a surface that faces the viewer
LONGEST = 0.004  # metres a point goes in one round


def build(options: Namespace) -> None:
    """Find faces, place and move the points, measure them on people not used, write; takes the script's options."""
    faces = examine_folder(options.photos, options.cache)
    labels = read_labels(options.labels, faces.files)
    excluded = np.isin(faces.files, read_list(options.exclude))
    head = load_head("open")
    points = first_places(head, faces.points[~excluded & (labels.expression == NEUTRAL)])
    images = Images(faces.places, labels.person)
    placing, measuring = (images.of(rows) for rows in (~excluded, excluded))
    for number in range(STAY + LOOSE + CLOSE):
        settings = LOOSE_SETTINGS if number < STAY + LOOSE else LandmarkSettings()
        points = improved(head, placing, points, settings, number >= STAY)
    objective, found = fit(head, measuring, points)
    errors = objective.errors(found)
    print(f"people not used: {100 * errors.median():.2f} / {100 * errors.flatten().quantile(0.95):.2f} %")
    finished(head, points).save(options.out)
    print(f"{options.out}: {len(points.numbers)} points, {options.out.stat().st_size / 1e3:.0f} kB")


def first_places(head: HeadModel, neutral: np.ndarray) -> FacePoints:
    """The first places: the average of neutral faces [B, 478, 3], carried over by the head's 68 landmarks."""
    average, mirror_face = average_face(neutral, landmarks_of(head))
    numbers, regions, mirror = point_lists(mirror_face)
    first = FacePoints(
        numbers, regions, mirror, mirror_face, average[numbers], average[[*OUTLINE, *IBUG_INNER]], np.zeros(0),
        np.zeros(0), topology(head), np.zeros(N_SHAPE), np.eye(N_SHAPE),
    )  # fmt: skip
    faces, barycentric = derived_places(head, first)
    return first._replace(faces=faces, barycentric=barycentric)


def finished(head: HeadModel, points: FacePoints) -> FacePoints:
    """With the open head as the reference, from which they are carried to other heads."""
    on = place(head, points, points.faces, points.barycentric)
    return points._replace(places=on.on(head())[0].numpy(), landmarks=landmarks_of(head))


def landmarks_of(head: HeadModel) -> np.ndarray:
    return head.landmarks(head())[0].double().numpy()


class Images(NamedTuple):
    """`points` [B, 478, 2] in the crop's [-1, 1]; `person` [B] int64, 0 to G - 1."""

    points: Tensor
    person: Tensor

    def of(self, rows: np.ndarray) -> "Images":
        """Some images [B] bool; their people are numbered anew."""
        rows = torch.from_numpy(rows)
        return Images(self.points[rows], torch.unique(self.person[rows], return_inverse=True)[1])


def fit(
    head: HeadModel, images: Images, given: FacePoints, settings: LandmarkSettings | None = None
) -> tuple[LandmarkObjective, FitParameters]:
    """Fit all images, one identity a person."""
    on = place(head, given, given.faces, given.barycentric)
    objective = LandmarkObjective(head, images.points, images.person, None, settings, given, on)
    return objective, minimise(objective, objective.initial())


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


def distribution(
    objective: LandmarkObjective, given: FacePoints, image: Tensor, shape: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean [S] and covariance [S, S] of people, from their fits [G, S] under the objective's prior.

    One step of expectation and maximisation: to the fits' own spread is added what an image (points [1, 478, 2])
    leaves open of the mean person.
    """
    shape = shape.double()
    mean = shape.mean(0)
    return mean, (shape - mean).T @ (shape - mean) / len(shape) + uncertainty(objective, given, image)


def uncertainty(objective: LandmarkObjective, given: FacePoints, image: Tensor) -> Tensor:
    """Covariance [S, S] of the mean person's identity that one image leaves open (Laplace's approximation)."""
    one = LandmarkObjective(objective.head, image, None, None, objective.settings, given, objective.on)
    start = one.initial()
    sizes = [part.numel() for part in start]

    def of(function: Callable[[FitParameters], Tensor]) -> Callable[[Tensor], Tensor]:
        def flat(vector: Tensor) -> Tensor:
            parts = zip(vector.split(sizes), start, strict=True)
            return function(FitParameters(*(piece.view_as(part) for piece, part in parts)))

        return flat

    vector = torch.cat([part.flatten() for part in start])
    slope = torch.autograd.functional.jacobian(of(lambda p: one.predicted(p)[0].flatten()), vector)  # [2 N, P]
    sigma = one.settings.sigma * one.eye_distance
    weight = (one.settings.trust * one.weights[0] / sigma**2).repeat_interleave(2)
    prior = torch.autograd.functional.hessian(of(lambda p: one.prior.loss(p, one.identity_of).sum() / 2), vector)
    precision = ((slope.T * weight) @ slope + prior).double()
    count = start.shape.shape[1]
    return torch.linalg.inv(precision + 1e-6 * torch.eye(len(vector)))[:count, :count]


def average_face(faces: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average faces.

    Args:
        faces: [B, 478, 3] in crop pixels, y down, smaller z nearer.
        landmarks: [68, 3] of the head, metres, which give frame and size.

    Returns:
        The average [478, 3], metres, equal to its mirror image; and each point's mirror image [478].
    """
    faces = faces.astype(np.float64) * [1, -1, -1]
    mean = faces[0]
    for _ in range(ROUNDS):
        mean = np.mean([aligned(face, face, mean) for face in faces], 0)
    mean = _upright(mean)
    cost = np.square((mean * [-1, 1, 1])[:, None] - mean[None]).sum(-1)
    mirror = linear_sum_assignment(cost)[1]
    assert (mirror[mirror] == np.arange(len(mirror))).all(), "the average face is too lopsided to be mirrored"
    mean = (mean + (mean * [-1, 1, 1])[mirror]) / 2
    mean = aligned(mean, mean[list(IBUG_INNER)], landmarks[-INNER:])
    return (mean + (mean * [-1, 1, 1])[mirror]) / 2, mirror


def aligned(points: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points [N, 3] under the turn, scale and shift that brings `source` closest to `target` (Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    turned = Rotation.align_vectors(b, a)[0].as_matrix().T
    scale = ((a @ turned) * b).sum() / np.square(a).sum()
    return (points - source.mean(0)) @ turned * scale + target.mean(0)


def _upright(face: np.ndarray) -> np.ndarray:
    face = face - face[list(MIDDLE)].mean(0)
    across = face[OUTER_EYES[1]] - face[OUTER_EYES[0]]
    across /= np.linalg.norm(across)
    up = face[FOREHEAD] - face[CHIN]
    up -= across * (up @ across)
    up /= np.linalg.norm(up)
    return face @ np.stack([across, up, np.cross(across, up)], 1)
