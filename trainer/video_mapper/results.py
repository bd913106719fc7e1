"""What a video mapper's run leaves behind: a video, scores of frames, the mapper, and a head that moves."""

from pathlib import Path
from typing import Any

import torch

from clipface.edit.apply import animate
from clipface.edit.notes import MAPPER_FILE
from clipface.evaluation.animation import render_animation, write_animation, write_head
from clipface.evaluation.animation_scores import front, score_faces, write_scores
from clipface.metrics.scores import rank_correlation
from trainer.video_mapper.module import VideoMapperModule


def write_results(module: VideoMapperModule, folder: Path, training: dict[str, Any]) -> dict[str, float]:
    """Write everything into the run's folder and print where it is and what was reached.

    Args:
        module: trained.
        folder: of the run.
        training: seconds, steps, device and status; kept in the mapper's notes.

    Returns:
        Rank correlation and flicker.
    """
    config, avatar, motion, mapper = module.config, module.avatar, module.motion, module.mapper
    faces = module.validation_faces().codes
    numbers = torch.linspace(0, len(motion) - 1, min(config.scored_frames, len(motion))).round().long().unique()
    parts = avatar, faces, motion, mapper, module.directional_loss, config.image_size
    scores, _ = score_faces(*parts, numbers)
    write_scores(folder / "frames.csv", numbers, motion.rate, scores)
    first = faces.rows(slice(0, 1))
    frames = render_animation(avatar, animate(avatar, first, motion, mapper), front(len(motion)))
    flickers = write_animation(frames, motion, folder / "animation.mp4", folder / "frames.png")
    peak = int(scores.importance.argmax())
    write_head(folder / "head.glb", avatar, first, motion, mapper, int(numbers[peak]))
    rank = rank_correlation(scores.after, scores.importance)
    reached = {"rank_correlation": rank, "flicker_ratio": flickers.ratio}
    mapper.save(folder / MAPPER_FILE, **config.notes, **avatar.origin, training=training, **reached)
    print(
        f"\nWritten to {folder}: animation.mp4 and frames.png (before, after, geometry), head.glb (it moves, in the "
        "texture of its strongest frame), frames.csv, mapper.safetensors, config.yaml and the logger's files\n"
        f"{len(motion)} frames towards {config.prompt.target!r} on {len(faces.shape)} validation faces: similarity to "
        f"the words (cosine) at the strongest frame {scores.before[peak]:.2f} -> {scores.after[peak]:.2f}, rank "
        f"correlation of similarity and importance {rank:.2f}, flicker {flickers.ratio:.2f} times the unedited face's",
        flush=True,
    )
    return reached
