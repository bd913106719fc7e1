"""A video of a face, frame by frame, by the photograph fitter (extra `fit`).

Of each frame only the face's points are kept. One identity is found from frames spread over the video and shared by all
others, to which expression, pose, jaw and gaze are fitted by their points; what is left of noise is smoothed over time.
Textures do not help here: the photometric fit takes four times as long and mostly finds identity and light.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from clipface.animation.frame_times import MOST_GAP, ONE_FRAME, rounded_rate
from clipface.animation.motion import SMOOTHING, Motion, sampled
from clipface.head import HeadModel
from clipface.videos import opened

SUFFIXES = (".mp4", ".mov", ".avi", ".webm", ".mkv")
IDENTITY_FRAMES = 24  # that the person's identity is found from; more change it by less than the landmarks' noise
BATCH = 64  # frames fitted at once
NOTHING = np.full((478, 2), np.nan, np.float32)


class FacePointsOverTime(NamedTuple):
    """Points [T, 478, 2] in pixels, NaN where no face was found, at times [T] in seconds; the mean rate."""

    points: np.ndarray
    times: np.ndarray
    rate: float


def read_video(path: Path, head: HeadModel, rate: float | None = None, smoothing: float = SMOOTHING) -> Motion:
    """Fit a head to a video of one person; see `load_motion`.

    Memory grows by 4 kilobytes a frame, whatever their size.

    Args:
        path: the video, of any length and frame rate.
        head: fitted on its device.
        rate: frames per second of the result; None keeps the video's.
        smoothing: seconds, see `Motion.smoothed`.

    Raises:
        ValueError: if it is no video, or shows no face for longer than a quarter of a second (names the times).
        ImportError: if PyAV or onnxruntime is missing; says how to get it.
    """
    found = _with_short_gaps(path, find_points(path))
    detected = np.isfinite(found.points).all((1, 2))
    motion = fit_points(head, found.points[detected], found.rate)
    motion = sampled(found.times[detected], motion, found.rate, end=found.times[-1]).smoothed(smoothing)
    return motion if rate is None else motion.resampled(rate)


def fit_points(head: HeadModel, points: np.ndarray, rate: float) -> Motion:
    """Fit the heads of one person to MediaPipe's points [T, 478, 2] in pixels, y down."""
    from clipface.fit.gauss_newton import minimise
    from clipface.fit.landmark_objective import LandmarkObjective
    from clipface.fit.landmarks import boxed, fit_landmarks

    places = boxed(torch.from_numpy(points))
    chosen = torch.linspace(0, len(places) - 1, min(IDENTITY_FRAMES, len(places))).round().long()
    shape = fit_landmarks(head, places[chosen], torch.zeros(len(chosen), dtype=torch.long)).shape[:1]
    fits = []
    for some in tqdm(places.split(BATCH), desc="fitting the head", unit="batch", disable=None):
        objective = LandmarkObjective(head, some, torch.zeros(len(some), dtype=torch.long))
        start = objective.initial()._replace(shape=shape[:, : objective.prior.n_shape])
        fit = objective.fit(minimise(objective, start, identity=False))
        fits.append([part.cpu() for part in (fit.expression, fit.pose, fit.eye_pose)])
    expression, pose, eye_pose = (torch.cat(parts) for parts in zip(*fits, strict=True))
    return Motion(expression, pose, torch.zeros(len(pose), 3), eye_pose, rate, head.expression_names)


def find_points(path: Path) -> FacePointsOverTime:
    """Find one face in every frame of a video, that which was followed so far where there are several.

    Raises:
        ValueError: if it is no video.
        ImportError: if PyAV or onnxruntime is missing; says how to get it.
    """
    from clipface.photos.detection import FaceDetector

    detector, last = FaceDetector(), None
    points, times = [], []
    for image, time in tqdm(_frames(path), desc="finding the face", unit="frame", disable=None):
        faces = [face[:, :2] for face in detector.faces(image)]
        if faces and last is not None:  # of several people the one that was followed so far
            faces.sort(key=lambda face: float(np.abs(face - last).mean()))
        last = faces[0] if faces else last
        points.append(faces[0] if faces else NOTHING)
        times.append(time)
    if not times:
        raise ValueError(f"{path}: expected a video with at least one frame, got none")
    seconds = np.array(times) - times[0]
    rate = rounded_rate((len(seconds) - 1) / seconds[-1]) if len(seconds) > 1 else ONE_FRAME
    return FacePointsOverTime(np.stack(points), seconds, rate)


def _frames(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    """Images [H, W, 3] uint8, upright, one at a time, with their time in seconds."""
    with opened(path) as video:
        stream = video.streams.video[0]
        for number, frame in enumerate(video.decode(stream)):
            time = frame.time if frame.time is not None else number / (stream.average_rate or 25)
            image = frame.to_ndarray(format="rgb24")
            turns = round(frame.rotation / 90) % 4  # phones record lying and note how they were held
            yield np.ascontiguousarray(np.rot90(image, turns)), float(time)


def _with_short_gaps(path: Path, found: FacePointsOverTime) -> FacePointsOverTime:
    """Raise for gaps that are too long, and warn of those that are filled."""
    times, detected = found.times, np.isfinite(found.points).all((1, 2))
    if not detected.any():
        raise ValueError(f"{path}: expected a video of a face, got {len(times)} frames without one")
    # Before the first and after the last frame there is nothing, as if it lay one frame further.
    edges = np.concatenate([[times[0] - 1 / found.rate], times[detected], [times[-1] + 1 / found.rate]])
    gaps = np.flatnonzero(np.diff(edges) > MOST_GAP + 1 / found.rate)
    if gaps.size:
        ends = ((max(edges[gap], 0), min(edges[gap + 1], times[-1])) for gap in gaps[:4])
        words = ", ".join(f"from {start:.2f} to {end:.2f} s" for start, end in ends)
        raise ValueError(f"{path}: expected a face at least every {MOST_GAP} s, got none {words}; cut the video there")
    if not detected.all():
        missing, first = int((~detected).sum()), times[~detected][0]
        warnings.warn(
            f"{path}: {missing} of {len(detected)} frames show no face, the first at {first:.2f} s; they are "
            "interpolated",
            stacklevel=3,
        )
    return found
