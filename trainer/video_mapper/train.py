"""Train textures that follow a motion: what the command and the tests call."""

from pathlib import Path

from clipface.animation import load_motion
from clipface.edit.loading import load_avatar, load_encoders
from trainer.common.run import Result, run
from trainer.video_mapper.config import VideoMapperConfig
from trainer.video_mapper.module import VideoMapperModule
from trainer.video_mapper.results import write_results


def build(config: VideoMapperConfig) -> VideoMapperModule:
    """Load everything that a run needs and check it; nothing is written.

    Raises:
        ValueError: if no prompt or no sequence was given, or a value does not fit.
        FileNotFoundError: if an asset is missing; says how to get it.
    """
    config.require_prompt()
    if not config.sequence.strip():
        raise ValueError("sequence: expected one, got none; use sequence=laugh, or the path of a file")
    avatar = load_avatar(config.generator, config.head, config.renderer)
    motion = load_motion(config.sequence, avatar.head, config.rate)
    return VideoMapperModule(config, avatar, load_encoders(config.guidance), motion)


def train(config: VideoMapperConfig, folder: Path) -> Result:
    """Train a mapper and write its results into `folder`."""
    return run(
        config,
        folder,
        build=build,
        data=range(config.trainer.steps),
        write_results=write_results,
        callbacks=lambda module: [module.schedule],
    )
