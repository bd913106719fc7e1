"""Face points from average faces, moved by fits of photographs until they explain them."""

from argparse import Namespace

import numpy as np
import torch

from clipface.fit.correspondence import derived_places, place
from clipface.fit.face_points import FacePoints, point_lists
from clipface.fit.landmark_objective import LandmarkSettings
from clipface.fit.priors import N_SHAPE
from clipface.head import HeadModel, load_head
from clipface.head.mesh import topology
from clipface.photos.folder import examine_folder, read_labels

from .average import IBUG_INNER, OUTLINE, average_face
from .refine import Images, fit, improved

NEUTRAL = "neutral"
# Rounds: first the points move while identities stay near the head's mean, so that the points and not a shifted mean
# explain what the first places got wrong; then identities are learned, first from loose fits, then from close ones.
STAY, LOOSE, CLOSE = 2, 3, 4
LOOSE_SETTINGS = LandmarkSettings(sigma=0.02, trust=0.25)


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


def build(options: Namespace) -> None:
    """Find faces, place and move the points, measure them on people not used, write; takes the script's options."""
    faces = examine_folder(options.photos, options.cache)
    labels = read_labels(options.labels, faces.files)
    head = load_head("open")
    points = first_places(head, faces.points[labels.expression == NEUTRAL])
    people = torch.randperm(int(labels.person.max()) + 1, generator=torch.Generator().manual_seed(0))
    images = Images(faces.places, labels.person)
    placing, measuring = (images.of(half.sort().values) for half in people.chunk(2))
    for number in range(STAY + LOOSE + CLOSE):
        settings = LOOSE_SETTINGS if number < STAY + LOOSE else LandmarkSettings()
        points = improved(head, placing, points, settings, number >= STAY)
    objective, found = fit(head, measuring, points)
    errors = objective.errors(found)
    print(f"people not used: {100 * errors.median():.2f} / {100 * errors.flatten().quantile(0.95):.2f} %")
    finished(head, points).save(options.out)
    print(f"{options.out}: {len(points.numbers)} points, {options.out.stat().st_size / 1e3:.0f} kB")
