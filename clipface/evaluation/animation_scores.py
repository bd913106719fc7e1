"""Scores of an animated edit, frame by frame: how near the images come to the words, and how steadily."""

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.animation import Motion, load_motion
from clipface.edit.apply import animate
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.loading import load_editor
from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.sampling import sample_faces
from clipface.edit.video_mapper import VideoMapper
from clipface.evaluation.animation import Flickers, Rendered, render_animation
from clipface.evaluation.edits.edited import prompt_of
from clipface.evaluation.timing import synchronized_time
from clipface.guidance import DirectionalLoss, Encoder, EncoderMean
from clipface.metrics.scores import Flicker, rank_correlation
from clipface.render.camera_path import camera_path

HEADER = (
    "edit", "sequence", "frames", "strongest frame before", "after", "all frames before", "after", "rank correlation",
    "flicker", "frames/s",
)  # fmt: skip


class FrameScores(NamedTuple):
    """What frames reach, each [T]."""

    importance: Tensor
    before: Tensor  # similarity to the words (cosine) of the unedited face in the same motion
    after: Tensor  # of the edited face
    agreement: Tensor  # cosine of the image's change with the words' change


def score_frames(rendered: Iterable[Rendered], loss: EncoderMean) -> FrameScores:
    """Score frames of one face as they come."""
    parts = []
    for part in rendered:
        before, after = loss.encode(part.before), loss.encode(part.after)
        similarity = loss.similarity(before), loss.similarity(after)
        parts.append(torch.stack([part.frames.importance, *similarity, loss.agreement(after, before)]).cpu())
    return FrameScores(*torch.cat(parts, 1))


def score_faces(
    avatar: Avatar,
    codes: Codes,
    motion: Motion,
    mapper: VideoMapper | FaceMapper,
    loss: EncoderMean,
    size: int,
    numbers: Tensor | None = None,
) -> tuple[FrameScores, float]:
    """Score the frames of several faces in the same motion.

    Args:
        avatar: renders them.
        codes: of the faces.
        motion, mapper, numbers: as `animate` takes them.
        loss: knows the words.
        size: side of the images, pixels.

    Returns:
        The means over faces, and the flicker: the mean change from frame to frame, over that of the unedited faces.
    """
    camera, scores, flickers = front(len(motion)), [], []
    for row in range(len(codes.shape)):
        frames = animate(avatar, codes.rows(slice(row, row + 1)), motion, mapper, numbers=numbers)
        rendered = render_animation(avatar, frames, camera, size, geometry=False)
        flickers.append(Flickers(Flicker(), Flicker()))
        scores.append(score_frames(flickers[-1].watch(rendered), loss))
    before, after = (sum(getattr(each, when).value for each in flickers) for when in ("before", "after"))
    mean = FrameScores(*(torch.stack(each).mean(0) for each in zip(*scores, strict=True)))
    return mean, after / before if before else 1.0  # 1 where nothing moves


def front(frames: int) -> Tensor:
    """The camera [T, 4, 4] for each frame: from the front, as near as images of edits are rendered."""
    return camera_path("front", frames, scale=FRONT_SCALE)


def write_scores(path: Path, numbers: Tensor, rate: float, scores: FrameScores) -> None:
    """Write a row for each frame: its number, its second, and its scores."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "second", *scores._fields])
        for row, number in enumerate(numbers.tolist()):
            values = (f"{score[row]:.4f}" for score in scores)
            writer.writerow([number, f"{number / rate:.3f}", *values])


class RunScores(NamedTuple):
    """What one run's edit reaches over all faces."""

    name: str  # of its prompt
    sequence: str
    motion: Motion
    frames: FrameScores  # means over the faces
    flicker: float  # mean change from frame to frame, over that of the unedited faces in the same motion
    rate: float  # frames per second

    def row(self) -> list[str]:
        """Cells below `HEADER`."""
        frames, peak = self.frames, int(self.frames.importance.argmax())
        numbers = frames.before[peak], frames.after[peak], frames.before.mean(), frames.after.mean()
        correlation = rank_correlation(frames.after, frames.importance)
        words = (f"{number:.2f}" for number in (*numbers, correlation, self.flicker))
        return [self.name, self.sequence, str(len(self.motion)), *words, f"{self.rate:.1f}"]


@torch.no_grad()
def score_run(path: str, encoder: Encoder, options: argparse.Namespace, device: str = "cpu") -> RunScores:
    """Score one run on unseen faces.

    Args:
        path: of a run of trainer.video_mapper or trainer.mapper, or `look:NAME`.
        encoder: that scores, on the device.
        options: of scripts/evaluate_animation.py: faces, seed, size and sequence; without the last that of the run,
            at the rate of the run.
        device: "cpu", "cuda" or "auto".

    Raises:
        ValueError: if neither the run nor `options` name a motion, or the run does not say its prompt.
    """
    editor, prompt = load_editor([path], device=device, animated=True), prompt_of(path)
    source = options.sequence or editor.notes.get("sequence")
    if not source:
        raise ValueError(f"sequence: expected one, got none, and {path} was trained without; use --sequence")
    motion = load_motion(source, editor.avatar.head, None if options.sequence else editor.notes.get("rate"))
    words = {key: value for key, value in prompt.items() if key != "name"}
    loss = EncoderMean([DirectionalLoss(encoder, **words)])
    codes = sample_faces(editor.avatar, range(options.faces), editor.psi, "evaluation", options.seed).codes
    started = synchronized_time(codes.w_plus.device)
    frames, flicker = score_faces(editor.avatar, codes, motion, editor.mappers[0], loss, options.size)
    rate = options.faces * len(motion) / (synchronized_time(codes.w_plus.device) - started)
    name = prompt.get("name") or prompt["target"]
    return RunScores(name, Path(source).stem, motion, frames, flicker, rate)
