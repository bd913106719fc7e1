"""What a mapper's run leaves behind: images, the mapper, and the first edited head."""

from pathlib import Path
from typing import Any

import torch

from clipface.edit.files import write_face
from clipface.edit.notes import MAPPER_FILE
from clipface.evaluation.faces import HEADER, face_rows
from clipface.evaluation.grid import grid, to_image
from trainer.mapper.module import MapperModule


@torch.no_grad()
def write_results(module: MapperModule, folder: Path, training: dict[str, Any]) -> dict[str, float]:
    """Write everything into the run's folder and print where it is and what was reached.

    Args:
        module: trained.
        folder: of the run.
        training: seconds, steps, device and status; kept in the mapper's notes.

    Returns:
        Agreement and similarities on the validation faces.
    """
    config, mapper, avatar = module.config, module.mapper, module.avatar
    evaluation = module.evaluation or module.evaluate()
    both = evaluation.faces.codes, evaluation.edited
    grid(face_rows(avatar, both, evaluation.textures), HEADER).save(folder / "faces.png")
    before, after = evaluation.similarity
    reached = {"agreement": evaluation.agreement, "similarity_before": before, "similarity_after": after}
    mapper.save(folder / MAPPER_FILE, **config.notes, **avatar.origin, training=training, **reached)
    first, texture = [codes.rows(slice(0, 1)) for codes in both], evaluation.textures[1][0]
    write_face(folder / "head.glb", avatar, *first, texture)
    to_image(texture).save(folder / "head.png")
    print(
        f"\nWritten to {folder}: faces.png (before and after), head.glb and head.png (the first edited head and its "
        "texture), mapper.safetensors, config.yaml and the logger's files\n"
        f"Edit towards {config.prompt.target!r} on {len(evaluation.textures[0])} validation faces: "
        f"direction (cosine) 0.00 -> {evaluation.agreement:.2f}, "
        f"similarity to the words (cosine) {before:.2f} -> {after:.2f}",
        flush=True,
    )
    return reached
