"""Train a text-guided editor of faces: what the command and the tests call."""

from pathlib import Path
from typing import Any

import torch

from clipface.edit.loading import MAPPER_FILE, load_avatar, load_encoders
from clipface.evaluation.faces import HEADER, face_rows
from clipface.evaluation.grid import grid
from clipface.export.still import write_glb
from trainer.common.run import Result, run
from trainer.mapper.config import MapperConfig
from trainer.mapper.module import MapperModule
from trainer.mapper.zero_offsets import ZeroOffsets, write_zero_offsets


def build(config: MapperConfig) -> MapperModule:
    """Load everything that a run needs and check it; nothing is written.

    Raises:
        ValueError: if no prompt was given, or a value does not fit.
        FileNotFoundError: if an asset is missing; says how to get it.
    """
    config.require_prompt()
    avatar = load_avatar(config.generator, config.head, config.renderer)
    return MapperModule(config, avatar, load_encoders(config.guidance))


def build_zero_offsets(config: MapperConfig) -> ZeroOffsets:
    """Load what the pre-training to zero offsets needs."""
    return ZeroOffsets(config, load_avatar(config.generator, config.head, config.renderer))


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
    mapper.save(folder / MAPPER_FILE, **config.notes, training=training, **reached)
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
    return reached


def train(config: MapperConfig, folder: Path) -> Result:
    """Train a mapper towards words, or to zero offsets, and write its results into `folder`."""
    own = {"build": build, "write_results": write_results, "validation": range(1)}
    if config.zero_offsets:
        own = {"build": build_zero_offsets, "write_results": write_zero_offsets}
    return run(
        config,
        folder,
        data=range(config.trainer.steps),
        callbacks=lambda module: [module.schedule],
        **own,
    )
