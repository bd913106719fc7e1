"""Train one editor for all words: what the command and the tests call."""

from pathlib import Path
from typing import Any

from clipface.edit.loading import load_avatar
from clipface.guidance import load_encoder
from trainer.common.run import Result, run
from trainer.text_mapper.config import TextMapperConfig
from trainer.text_mapper.module import TextMapperModule

FILE = "text_mapper.safetensors"


def build(config: TextMapperConfig) -> TextMapperModule:
    """Load everything that a run needs and check it; nothing is written.

    Raises:
        ValueError: if a value does not fit, or the generator has no people or looks.
        FileNotFoundError: if an asset is missing; says how to get it.
    """
    avatar = load_avatar(config.generator, config.head, config.renderer)
    return TextMapperModule(config, avatar, load_encoder(config.guidance))


def write_results(module: TextMapperModule, folder: Path, training: dict[str, Any]) -> dict[str, float]:
    """Write the network, in half precision, and print its errors on validation faces and texts."""
    reached = dict(zip(("texture", "expression", "identity"), module.validation_errors(), strict=True))
    notes = {**module.config.notes, **module.avatar.origin, "training": training, "errors": reached}
    path = module.mapper.save(folder / FILE, half=True, **notes)
    shown = ", ".join(f"{name} {error:.3f}" for name, error in reached.items())
    print(f"\nWritten: {path}; errors on unseen faces and texts, of 1 for no change: {shown}", flush=True)
    return reached


def train(config: TextMapperConfig, folder: Path) -> Result:
    """Train a text mapper and write it into `folder`."""
    return run(
        config,
        folder,
        build=build,
        data=range(config.trainer.steps),
        validation=range(1),
        write_results=write_results,
    )
