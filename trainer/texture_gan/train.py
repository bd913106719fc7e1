"""Train the texture generator from images of faces; the method is in trainer/texture_gan/module.py."""

from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl
import torch

from clipface.render.load import load_head_and_renderer
from clipface.settings import SEED_STRIDE
from trainer.common import distributed
from trainer.common.checkpoint import Checkpoint, SaveConfig
from trainer.common.random_state import RandomState
from trainer.common.run import fit, make_logger
from trainer.texture_gan.config import TextureGANConfig
from trainer.texture_gan.face_stream import open_faces
from trainer.texture_gan.module import TextureGAN
from trainer.texture_gan.scores import Scores
from trainer.texture_gan.snapshots import Report, Snapshots, read_networks


def build(config: TextureGANConfig) -> TextureGAN:
    """Load everything that a run needs and check it; nothing is written.

    Raises:
        ValueError: if a value does not fit.
        FileNotFoundError: if an asset or the data set is missing; says how to get it.
    """
    gpu = config.trainer.accelerator == "gpu"
    device = torch.device("cuda", distributed.local_rank()) if gpu else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    head, renderer = load_head_and_renderer(config.head, config.renderer)
    # Every process has its own faces: its share of the batch, from its own seed.
    seed = config.seed + distributed.global_rank(config.trainer.devices) * SEED_STRIDE
    alone = replace(config.trainer, devices=1)
    own = replace(config, batch_size=config.batch_size // config.trainer.devices, seed=seed, trainer=alone)
    faces = open_faces(own, head.to(device), renderer.to(device))
    module = TextureGAN(config, head, renderer, faces)
    if config.init_from:
        read_networks(Path(config.init_from), module)
    if device.type == "cuda":  # all three are for speed
        module.to(memory_format=torch.channels_last)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    return module


def train(config: TextureGANConfig, folder: Path) -> TextureGAN:
    """Train a texture generator and write it into `folder`."""
    pl.seed_everything(config.seed, verbose=False)  # the first weights
    module = build(config)
    scores = Scores(config.metrics)
    files = [Checkpoint(folder, config.checkpoint_every), Snapshots(folder, config.snapshot_every)]
    fit(
        module,
        None,  # the module knows with which batch to begin
        # Reduced precision is chosen layer by layer; Lightning would apply it to everything.
        config=replace(config.trainer, precision="32-true"),
        folder=folder,
        seed=config.seed,
        logger=make_logger(config.logger, folder),
        callbacks=[SaveConfig(config, folder), RandomState(), Report(config.trainer.log_every), scores, *files],
        strategy=distributed.SharedGradients() if config.trainer.devices > 1 else "auto",
    )
    if distributed.global_rank() == 0:
        print(f"generator: {folder / 'generator.safetensors'}")
    return module

