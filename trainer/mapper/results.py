"""What a mapper's run leaves behind: images, the mapper, and the first edited head."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.files import MAPPER_FILE
from clipface.edit.mapper import Codes, FaceMapper
from clipface.evaluation.grid import grid
from clipface.export.glb import write_glb
from clipface.render.camera import view

if TYPE_CHECKING:
    from trainer.mapper.config import MapperConfig
    from trainer.mapper.module import Evaluation

PICTURE_SIZE = 256
SECOND_VIEW = 35.0  # yaw in degrees
HEADER = ("before", "after", "geometry before", "geometry after", "second view before", "second view after")


@torch.no_grad()
def write_results(
    evaluation: Evaluation,
    mapper: FaceMapper,
    avatar: Avatar,
    config: MapperConfig,
    folder: Path,
    training: dict[str, float | str],
) -> None:
    """Write everything into the run's folder and print where it is and what was reached.

    Args:
        evaluation: validation faces before and after.
        mapper: trained.
        avatar: codes to images.
        config: of the run.
        folder: of the run.
        training: seconds, steps and device that it took; kept in the mapper's notes.
    """
    both = evaluation.faces.codes, evaluation.edited
    grid(face_rows(avatar, both, evaluation.textures), HEADER).save(folder / "faces.png")
    before, after = evaluation.similarity
    notes = {
        "prompt": asdict(config.prompt),
        "head": asdict(config.head),
        "generator": config.generator,
        "guidance": asdict(config.guidance),
        "psi": config.psi,
        "training": training,
        "agreement": evaluation.agreement,
        "similarity_before": before,
        "similarity_after": after,
    }
    mapper.save(folder / MAPPER_FILE, **notes)
    vertices = avatar.head(evaluation.edited.shape[:1], evaluation.edited.expression[:1])[0]
    write_glb(folder / "head.glb", vertices, avatar.head, evaluation.textures[1][0])
    print(
        f"\nWritten to {folder}: faces.png (before and after), head.glb and head.png (the first edited head and its "
        "texture), mapper.safetensors, config.yaml and the logger's files\n"
        f"Edit towards {config.prompt.target!r} on {config.validation} validation faces: "
        f"direction (cosine) 0.00 -> {evaluation.agreement:.2f}, "
        f"similarity to the words (cosine) {before:.2f} -> {after:.2f}",
        flush=True,
    )


def face_rows(
    avatar: Avatar, codes: tuple[Codes, Codes], textures: tuple[Tensor, Tensor], size: int = PICTURE_SIZE
) -> list[tuple[Tensor, ...]]:
    """Draw the images below `HEADER`, a row for each face.

    Args:
        avatar: codes to images.
        codes: of the faces before and after.
        textures: likewise, [B, 3, R, R] in 0..1.
        size: side of the images, pixels.

    Returns:
        B rows of images, each [3, size, size] in 0..1.
    """
    columns = {}
    for when, texture, code in zip(("before", "after"), textures, codes, strict=True):
        columns[when] = image(avatar, texture, code, 0.0, size)
        columns[f"geometry {when}"] = image(avatar, None, code, 0.0, size)
        columns[f"second view {when}"] = image(avatar, texture, code, SECOND_VIEW, size)
    return list(zip(*(columns[name] for name in HEADER), strict=True))


def image(avatar: Avatar, texture: Tensor | None, codes: Codes, yaw: float, size: int) -> Tensor:
    """Draw faces seen from one side, [B, 3, size, size]; the grey geometry without a texture."""
    count = len(codes.shape)
    camera = view(torch.full((count,), yaw), torch.zeros(count), FRONT_SCALE).to(codes.shape.device)
    return avatar.views(texture, codes, camera, size)
