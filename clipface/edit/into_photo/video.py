"""A video with an edited face: one identity and texture for all frames, fits smoothed over time, the sound kept."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor
from tqdm import tqdm

from clipface.animation.motion import SMOOTHING, smooth_rotations, smooth_values
from clipface.animation.video_frames import find_points
from clipface.bake.baker import vertices_of
from clipface.bake.head_fit import HeadFit
from clipface.edit.apply import EditedFaces
from clipface.edit.avatar import Avatar
from clipface.edit.into_photo.compose import HeadState, IntoPhoto
from clipface.edit.into_photo.files import moved_vertices
from clipface.edit.into_photo.steady import Steady
from clipface.edit.into_photo.window import CROP_SIZE
from clipface.edit.persons.person import Person
from clipface.export.edited_image import mark_mp4
from clipface.export.sound import add_sound
from clipface.export.video import VideoWriter, frame_rate, read_frames
from clipface.fit.gauss_newton import minimise
from clipface.fit.landmark_objective import LandmarkObjective
from clipface.head import HeadModel
from clipface.shapes import expect

PERSON_FRAMES = 4  # that the person is made from
BATCH = 64  # frames fitted at once
ROOM = 2.0  # times the box of a face's points: the square that heads are fitted to


class FollowedFace(NamedTuple):
    """A face in the frames of a video: points [T, 478, 2] in pixels, NaN where there is none; frames a second."""

    points: np.ndarray
    rate: float

    @property
    def found(self) -> np.ndarray:
        """[T] bool, which frames show the face."""
        return np.isfinite(self.points).all((1, 2))


def follow_face(path: Path) -> FollowedFace:
    """Find a video's face in each frame.

    Raises:
        FileNotFoundError, ValueError: if there is no such file, no video in it, or no frame with a face.
    """
    rate = frame_rate(path)
    followed = FollowedFace(find_points(path).points, float(rate))
    if not followed.found.any():
        raise ValueError(f"video: expected a face in {path}, got none in {len(followed.points)} frames")
    return followed


def person_of_video(path: Path, followed: FollowedFace, avatar: Avatar, size: int) -> Person:
    """Make a person from some frames of a video (see `Person.from_photos`)."""
    found = followed.found.nonzero()[0]
    chosen = set(found[np.linspace(0, len(found) - 1, min(PERSON_FRAMES, len(found))).round().astype(int)].tolist())
    with TemporaryDirectory() as folder:
        files = []
        for number, frame in enumerate(read_frames(path)):
            if number in chosen:
                files.append(Path(folder) / f"frame_{number}.png")
                Image.fromarray(_pixels(frame)).save(files[-1])
        return Person.from_photos(files, avatar, size)


@torch.no_grad()
def write_edited_video(
    source: Path, path: Path, followed: FollowedFace, avatar: Avatar, person: Person, textures: Sequence[Tensor],
    edited: EditedFaces,
) -> int:  # fmt: skip
    """Put an edited person into every frame of a video.

    Args:
        source: the video.
        path: of the MP4 to write: as large, upright, with the source's sound.
        followed: from `follow_face`.
        avatar: whose head and renderer are used.
        person: whom the video shows.
        textures: of the person before and after the edit, [1, 3, S, S] in 0..1.
        edited: the edited face.

    Returns:
        How many frames show no face and are as they were.
    """
    put, codes, steady = IntoPhoto(avatar.head, avatar.renderer, supersample=1), person.codes(avatar), Steady()
    found = followed.found
    heads, matrix = fit_frames(avatar.head, followed, codes.shape)
    row = np.cumsum(found) - 1
    with TemporaryDirectory(dir=path.parent) as folder:
        images = Path(folder) / "images.mp4"
        with VideoWriter(images, frame_rate(source)) as writer:
            frames = zip(read_frames(source), found, row, strict=False)
            for frame, has_face, index in tqdm(frames, total=len(found), desc="editing", unit="frame", disable=None):
                pixels = _even(_pixels(frame))
                if has_face:
                    fit, own = closer(heads.select([int(index)]), matrix, followed.points[found][index])
                    before = HeadState(textures[0], vertices_of(avatar.head, fit))
                    after = HeadState(textures[1], moved_vertices(avatar, fit, codes, edited))
                    pixels = put(pixels, fit, own, before, after, steady)
                writer.write(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)
        add_sound(images, source, path, len(found) / followed.rate)
    mark_mp4(path)
    return int((~found).sum())


def fit_frames(head: HeadModel, followed: FollowedFace, shape: Tensor) -> tuple[HeadFit, np.ndarray]:
    """Fit heads of one identity [1, S] to the frames that show a face, and smooth them over time.

    Returns:
        The heads, all in one square of the video, and its matrix from the frames' pixels.
    """
    points = followed.points[followed.found]
    expect("points", torch.from_numpy(points), ("T", 478, 2))
    matrix = square_matrix(np.median(points, 0))
    places = torch.from_numpy(points @ matrix[:2, :2].T + matrix[:2, 2]).float() / (CROP_SIZE / 2) - 1
    fits = []
    for some in places.to(shape.device).split(BATCH):
        objective = LandmarkObjective(head, some, torch.zeros(len(some), dtype=torch.long, device=shape.device))
        start = objective.initial()._replace(shape=shape[:, : objective.prior.n_shape])
        fits.append(objective.fit(minimise(objective, start, identity=False)))
    joined = HeadFit(*(torch.cat(parts) for parts in zip(*fits, strict=True)))
    joined = joined._replace(shape=shape.expand(len(points), -1))
    return _smoothed(joined, followed), matrix


def square_matrix(points: np.ndarray) -> np.ndarray:
    """[3, 3] from a frame's pixels to those of a square around a face's points [478, 2], upright in the frame."""
    low, high = points.min(0), points.max(0)
    scale = CROP_SIZE / (ROOM * (high - low).max())
    shift = CROP_SIZE / 2 - scale * (low + high) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1.0]])


def closer(fit: HeadFit, matrix: np.ndarray, points: np.ndarray) -> tuple[HeadFit, np.ndarray]:
    """One head of a square as a head of its own frame's square, and the matrix of that."""
    own = square_matrix(points)
    change = own @ np.linalg.inv(matrix)
    scale, shift = change[0, 0], (change[:2, 2] + change[0, 0] * CROP_SIZE / 2) / (CROP_SIZE / 2) - 1
    moved = torch.tensor([shift[0], -shift[1]]).to(fit.scale) / (scale * fit.scale[:, None])
    return fit._replace(scale=fit.scale * scale, translation=fit.translation + moved), own


def _smoothed(fit: HeadFit, followed: FollowedFace) -> HeadFit:
    """Less noise over time, where frames follow each other."""
    sigma = SMOOTHING * followed.rate
    runs, count = ndimage.label(followed.found)
    runs = runs[followed.found]
    parts = {name: getattr(fit, name).double().cpu().numpy() for name in ("expression", "pose", "eye_pose")}
    parts |= {"scale": fit.scale.log()[:, None].double().cpu().numpy()}
    parts |= {"translation": fit.translation.double().cpu().numpy()}
    for run in range(1, count + 1):
        for name, values in parts.items():
            smooth = smooth_rotations if name.endswith("pose") else smooth_values
            values[runs == run] = smooth(values[runs == run], sigma)
    parts["scale"] = np.exp(parts["scale"][:, 0])
    return fit._replace(**{name: torch.from_numpy(values).to(fit.scale) for name, values in parts.items()})


def _pixels(frame: Tensor) -> np.ndarray:
    return (frame * 255).round().byte().permute(1, 2, 0).contiguous().numpy()


def _even(image: np.ndarray) -> np.ndarray:
    """Without the last row or column of an odd number, which H.264 does not hold."""
    return np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])
