"""The anchored recipe small enough for a test: a folder of textures, and a run's configuration."""

from pathlib import Path

import numpy as np
from PIL import Image

from clipface.settings import HeadConfig
from trainer.common.config import TrainerConfig
from trainer.texture_gan.anchored.config import AnchoredConfig, PaintedConfig, StageConfig
from trainer.texture_gan.config import (
    AugmentConfig,
    AverageConfig,
    DatasetConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    PatchConfig,
    PenaltyConfig,
    TextureGANConfig,
)

TABLE = "file,weight,mixed_only,person\nface_0,3,0,\nface_1,1,1,she\nface_2,0,0,\nface_4,1,1,she\n"


def write_textures(folder: Path, count: int = 8, size: int = 32) -> Path:
    """Write soft random textures and a table: one comes often, one never, two of one person only in mixtures."""
    random = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        colours = Image.fromarray(random.integers(40, 220, (4, 4, 3), dtype=np.uint8))
        colours.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"face_{number}.png")
    (folder / "faces.csv").write_text(TABLE)
    return folder


def tiny_anchored(files: Path, textures: Path, steps: int = 6, devices: int = 1, **changes) -> TextureGANConfig:
    """Two stages, 16² for the first third of the steps and then 32²; no attribute offsets."""
    stages = [StageConfig(16, 8, 1.0), StageConfig(32, 8, 2.0, warm_up=1)]
    parts = dict(
        recipe="anchored",
        anchored=AnchoredConfig(stages, 6, 8, 16, painted=PaintedConfig(count=0)),
        generator=GeneratorConfig(32, 10, 16, 2, 256, 16, normalise_z=False),
        discriminator=DiscriminatorConfig(128, 8, 4),
        patch=PatchConfig(size=16, stride=8, count=2, channel_base=64, channel_max=8),
        augment=AugmentConfig(images=100, every=2, begin=0.2),
        average=AverageConfig(100, 0.25),
        penalty=PenaltyConfig(r1_every=2, path_every=0),
        dataset=DatasetConfig(textures=str(textures)),
        head=HeadConfig(path=str(files / "open_head.npz")),
        trainer=TrainerConfig(steps=steps, log_every=1, threads=1, devices=devices),
        checkpoint_every=1,
        snapshot_every=0,
    )
    return TextureGANConfig(**(parts | changes))
