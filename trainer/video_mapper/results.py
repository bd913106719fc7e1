"""What a video mapper's run leaves behind: a video, scores of frames, the mapper, and a head that moves."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from clipface.edit.animate import animate
from clipface.edit.avatar import FRONT_SCALE
from clipface.edit.files import MAPPER_FILE
from clipface.evaluation.animation import Rendered, render_animation, write_animation, write_head
from clipface.guidance import EncoderMean
from clipface.metrics.animation import rank_correlation
from clipface.render.camera_path import camera_path
from trainer.mapper.module import VALIDATION

if TYPE_CHECKING:
    from trainer.video_mapper.module import VideoMapperModule


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
    """The camera that trainers look through at the end, for each frame [T, 4, 4]."""
    return camera_path("front", frames, FRONT_SCALE)


def write_results(module: VideoMapperModule, folder: Path, training: dict[str, float | str]) -> None:
    """Write everything into the run's folder and print where it is and what was reached.

    Args:
        module: trained.
        folder: of the run.
        training: seconds, steps and device that it took; kept in the mapper's notes.
    """
    config, avatar, motion, mapper = module.config, module.avatar, module.motion, module.mapper
    faces = avatar.random_faces(config.validation, VALIDATION, config.psi).codes
    numbers = torch.linspace(0, len(motion) - 1, min(config.scored_frames, len(motion))).round().long().unique()
    camera, scores = front(len(motion)), []
    for row in range(config.validation):
        frames = animate(avatar, faces.rows(slice(row, row + 1)), motion, mapper, numbers=numbers)
        drawn = render_animation(avatar, frames, camera, config.image_size, geometry=False)
        scores.append(score_frames(drawn, module.directional_loss))
    scores = mean_scores(scores)
    write_scores(folder / "frames.csv", numbers, motion.rate, scores)
    first = faces.rows(slice(0, 1))
    frames = render_animation(avatar, animate(avatar, first, motion, mapper), camera)
    flickers = write_animation(frames, motion, folder / "animation.mp4", folder / "frames.png")
    peak = int(scores.importance.argmax())
    write_head(folder / "head.glb", avatar, first, motion, mapper, int(numbers[peak]))
    rank = rank_correlation(scores.after, scores.importance)
    notes = {
        "prompt": asdict(config.prompt), "head": asdict(config.head), "generator": config.generator,
        "guidance": asdict(config.guidance), "psi": config.psi, "sequence": config.sequence, "rate": config.rate,
        "training": training, "rank_correlation": rank, "flicker_ratio": flickers.ratio,
    }  # fmt: skip
    mapper.save(folder / MAPPER_FILE, **notes)
    print(
        f"\nWritten to {folder}: animation.mp4 and frames.png (before, after, geometry), head.glb (it moves, in the "
        "texture of its strongest frame), frames.csv, mapper.safetensors, config.yaml and the logger's files\n"
        f"{len(motion)} frames towards {config.prompt.target!r} on {config.validation} validation faces: similarity to the "
        f"words (cosine) at the strongest frame {scores.before[peak]:.2f} -> {scores.after[peak]:.2f}, rank "
        f"correlation of similarity and importance {rank:.2f}, flicker {flickers.ratio:.2f} times the unedited face's",
        flush=True,
    )


def write_scores(path: Path, numbers: Tensor, rate: float, scores: FrameScores) -> None:
    """Write a row for each frame: its number, its second, and its scores."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "second", *scores._fields])
        for row, number in enumerate(numbers.tolist()):
            values = (f"{score[row]:.4f}" for score in scores)
            writer.writerow([number, f"{number / rate:.3f}", *values])
