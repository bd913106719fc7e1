"""Give the texture generator a start: `python -m trainer.texture_start skins=skins`.

It learns, texel by texel, to draw what the painter paints over a linear model of baked skins, as a function of the
latent code. A few minutes of this replace the long time in which a generator learns from renders alone where eyes, ears
and the back of the head belong, and texels that no view shows are skin from the beginning. Details, which a linear
model and a mean over the painter's chances lack, come from `trainer.texture_gan begin_with=<this run>`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from clipface.head import HeadModel
from clipface.texture.generator import TextureGenerator
from trainer.callbacks import SaveConfig, StopOnNaN
from trainer.latent_textures import LatentTextures
from trainer.moving_average import averaged, follow, half_life_now
from trainer.rate_schedule import PlateauConfig, RateSchedule
from trainer.run import TrainerConfig, fit, make_logger, register, require_at_least
from trainer.start import HeadConfig, RendererConfig, load_drawn_head, run_folder
from trainer.texture_gan_config import GeneratorConfig
from trainer.texture_snapshots import draw_samples

COARSEST = 8  # texels, the smallest of the sizes at which textures are compared, each half the one before
HALF_LIFE, RAMP_UP = 2000, 0.05  # of the moving average, see half_life_now
CODES = 10_000  # for the mean of w
SEED_STEP = 1_000_003
# The mapping network learns slowly by design, for an opponent's sake; here it has none, and must tell entries apart.
MAPPING_RATE = 25.0


@dataclass
class TextureStartConfig:
    """Everything a run depends on."""

    seed: int = 0
    skins: str = "???"  # folder of textures (scripts/bake_texture.py --dataset)
    batch_size: int = 32
    learning_rate: float = 2e-3  # falls to zero along half a cosine
    directions: int = 128  # of the linear model of skins
    painted: float = 0.5  # share of faces with more paint than eyes and hair
    chunk: int = 256  # textures painted at once
    chunks: int = 16  # that are kept to draw from
    renew_every: int = 20  # batches until the oldest chunk is painted anew
    snapshot_every: int = 500  # batches between pictures and exported weights; 0: only at the end
    begin_with: str | None = None  # weights of a generator to go on from
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, batch_size=1, directions=1, chunk=1, chunks=1, renew_every=1, snapshot_every=0)


register("texture_start_schema", TextureStartConfig)


class TextureStart(pl.LightningModule):
    """A generator that learns to draw given textures from given codes."""

    def __init__(self, config: TextureStartConfig, head: HeadModel, renderer: Any) -> None:
        super().__init__()
        self.config, self.head, self.renderer = config, head, renderer
        self.reduced = torch.bfloat16 if config.trainer.precision.startswith("bf16") else None
        begin = config.begin_with
        self.generator = (
            TextureGenerator.from_weights(begin) if begin else started(TextureGenerator(**asdict(config.generator)))
        )
        self.generator.train().requires_grad_(True)
        self.average = averaged(self.generator)
        self.schedule = RateSchedule(PlateauConfig(), config.trainer.steps, config.trainer.minutes)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Compare textures [B, 3, R, R] with those that codes [B, z_dim] stand for."""
        codes, textures = batch
        drawn = self.generator.synthesis(self.generator.mapping(codes), "none", self.reduced)
        loss = pyramid_loss(drawn, textures.float() / 127.5 - 1)
        self.log("loss", loss, prog_bar=True, batch_size=len(codes))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Move the average."""
        size = self.config.batch_size
        follow(self.average, self.generator, size, half_life_now(HALF_LIFE, RAMP_UP, batch_idx * size))

    def configure_optimizers(self) -> Any:
        """Adam."""
        rate, network = self.config.learning_rate, self.generator
        groups = (network.synthesis, rate), (network.mapping, rate * MAPPING_RATE)
        optimizer = torch.optim.Adam([{"params": part.parameters(), "lr": r} for part, r in groups], betas=(0.9, 0.99))
        return self.schedule.configure(optimizer)


class Snapshots(Callback):
    """Write the averaged generator (float16) and a picture of its textures."""

    def __init__(self, folder: Path, every: int) -> None:
        """Args: folder: of the run; every: batches between two snapshots, 0: only at the end."""
        self.folder, self.every = folder, every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: TextureStart, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.every and (batch_idx + 1) % self.every == 0:
            self.write(pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: TextureStart) -> None:
        self.write(pl_module)

    @torch.no_grad()
    def write(self, module: TextureStart) -> None:
        """Find the mean of w, towards which truncation pulls, and write."""
        mapping, z_dim = module.average.mapping, module.average.config["z_dim"]
        z = torch.randn(CODES, z_dim, generator=torch.Generator().manual_seed(module.config.seed))
        mapping.w_avg.copy_(mapping(z.to(module.device))[:, 0].mean(0))
        module.generator.mapping.w_avg.copy_(mapping.w_avg)
        module.average.save(self.folder / "generator.safetensors")
        draw_samples(module).save(self.folder / "textures.png")


def started(generator: TextureGenerator) -> TextureGenerator:
    """Let w tell a code's entries apart from the beginning.

    A linear map reads 73 % of a code's variance from w behind two layers of orthogonal weights; behind two of
    independent ones 43 %, behind four of those 20 %.
    """
    for layer in generator.mapping.layers:
        scale = layer.weight.std().item() * max(layer.weight.shape) ** 0.5
        torch.nn.init.orthogonal_(layer.weight, scale)
    return generator


def pyramid_loss(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of textures [B, 3, R, R], summed over their sizes from R down to COARSEST."""
    loss = (drawn - wanted).abs().mean()
    while drawn.shape[-1] // 2 >= COARSEST:
        drawn, wanted = F.avg_pool2d(drawn, 2), F.avg_pool2d(wanted, 2)
        loss = loss + (drawn - wanted).abs().mean()
    return loss


def pooled(source: LatentTextures, config: TextureStartConfig, z_dim: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of codes and textures (uint8) for ever, drawn from a pool that is steadily renewed."""
    device = source.device
    chances = torch.Generator(device).manual_seed(config.seed)
    codes = torch.empty(config.chunks, config.chunk, z_dim, device=device)
    size = source.texture_size
    textures = torch.empty(config.chunks, config.chunk, 3, size, size, dtype=torch.uint8, device=device)
    filled = 0
    for number in itertools.count():
        if number % config.renew_every == 0:
            seed, place = config.seed * SEED_STEP + filled, filled % config.chunks
            codes[place], textures[place] = source.sample(config.chunk, seed, z_dim)
            filled += 1
        known = min(filled, config.chunks) * config.chunk
        rows = torch.randint(known, (config.batch_size,), generator=chances, device=device)
        yield codes.flatten(0, 1)[rows], textures.flatten(0, 1)[rows]


def train(config: TextureStartConfig, folder: Path) -> TextureStart:
    """Train and write `generator.safetensors` and a picture into `folder`."""
    pl.seed_everything(config.seed, verbose=False)
    device = torch.device("cuda" if config.trainer.accelerator == "gpu" else "cpu")
    head, renderer = load_drawn_head(config.head, config.renderer)
    head, renderer = head.to(device), renderer.to(device)
    module = TextureStart(config, head, renderer)
    if device.type == "cuda":  # both are for speed
        module.to(memory_format=torch.channels_last)
        torch.backends.cudnn.benchmark = True
    shape = module.generator.config
    source = LatentTextures(config.skins, head, renderer, shape["resolution"], config.directions, config.painted)
    fit(
        module,
        pooled(source, config, shape["z_dim"]),
        config=replace(config.trainer, precision="32-true"),  # the synthesis reduces layer by layer
        folder=folder,
        seed=config.seed,
        logger=make_logger(config.logger, folder),
        callbacks=[
            SaveConfig(config, folder),
            StopOnNaN(config.trainer.log_every),
            module.schedule,
            Snapshots(folder, config.snapshot_every),
        ],
    )
    print(f"generator: {folder / 'generator.safetensors'}")
    return module


@hydra.main(version_base="1.3", config_path="../configs", config_name="texture_start")
def main(config: DictConfig) -> None:
    """Command line: Hydra overrides, `key=value`."""
    settings = OmegaConf.to_object(config)
    with run_folder() as folder:
        train(settings, folder)


if __name__ == "__main__":
    main()
