"""Train a text-guided editor of faces: what the command and the tests call."""

from pathlib import Path

from clipface.edit.loading import load_avatar, load_encoders
from trainer.common.run import Result, run
from trainer.mapper.config import MapperConfig
from trainer.mapper.module import MapperModule
from trainer.mapper.results import write_results
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
