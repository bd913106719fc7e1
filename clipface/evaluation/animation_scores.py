"""Scores of an animated edit, frame by frame: how near the images come to the words, and how steadily."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.edit.avatar import FRONT_SCALE
from clipface.evaluation.animation import Rendered
from clipface.guidance import EncoderMean
from clipface.render.camera_path import camera_path


class FrameScores(NamedTuple):
    """What frames reach, each [T]."""

    importance: Tensor
    before: Tensor  # similarity to the words (cosine) of the unedited face in the same motion
    after: Tensor  # of the edited face
    agreement: Tensor  # cosine of the image's change with the words' change


def score_frames(drawn: Iterable[Rendered], loss: EncoderMean) -> FrameScores:
    """Score frames of one face as they come."""
    parts = []
    for part in drawn:
        before, after = loss.encode(part.before), loss.encode(part.after)
        similarity = loss.similarity(before), loss.similarity(after)
        parts.append(torch.stack([part.frames.importance, *similarity, loss.agreement(after, before)]).cpu())
    return FrameScores(*torch.cat(parts, 1))


def mean_scores(scores: Sequence[FrameScores]) -> FrameScores:
    """The means over faces, of the same frames."""
    return FrameScores(*(torch.stack(each).mean(0) for each in zip(*scores, strict=True)))


def front(frames: int) -> Tensor:
    """The camera [T, 4, 4] for each frame: from the front, as near as images of edits are rendered."""
    return camera_path("front", frames, scale=FRONT_SCALE)


def write_scores(path: Path, numbers: Tensor, rate: float, scores: FrameScores) -> None:
    """Write a row for each frame: its number, its second, and its scores."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "second", *scores._fields])
        for row, number in enumerate(numbers.tolist()):
            values = (f"{score[row]:.4f}" for score in scores)
            writer.writerow([number, f"{number / rate:.3f}", *values])
