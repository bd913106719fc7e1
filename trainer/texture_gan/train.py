"""Train the texture generator: from images of faces (module.py), or from full textures (anchored/module.py)."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from clipface.render.load import load_head_and_renderer
from clipface.settings import SEED_STRIDE
from trainer.common import distributed
from trainer.common.run import Result, run
from trainer.texture_gan import results
from trainer.texture_gan.anchored import results as anchored_results
from trainer.texture_gan.anchored.build import build_anchored
from trainer.texture_gan.config import TextureGANConfig
from trainer.texture_gan.data import open_faces
from trainer.texture_gan.module import TextureGAN
from trainer.texture_gan.scores import Scores


def build(config: TextureGANConfig) -> pl.LightningModule:
    """Load everything that a run needs and check it; nothing is written.

    Raises:
        ValueError: if a value does not fit.
        FileNotFoundError: if an asset or the data set is missing; says how to get it.
    """
    gpu = config.trainer.accelerator == "gpu"
    device = torch.device("cuda", distributed.local_rank()) if gpu else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    anchored = config.recipe == "anchored"
    module = build_anchored(config, device) if anchored else build_rendered(config, device)
    if device.type == "cuda":  # all of these are for speed
        module.to(memory_format=torch.channels_last)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    return module


def build_rendered(config: TextureGANConfig, device: torch.device) -> TextureGAN:
    """The module that learns from images of textured heads, and the faces it learns from, on a device."""
    head, renderer = load_head_and_renderer(config.head, config.renderer)
    # Every process has its own faces: its share of the batch, from its own seed.
    seed = config.seed + distributed.global_rank(config.trainer.devices) * SEED_STRIDE
    alone = replace(config.trainer, devices=1, num_nodes=1)
    own = replace(config, batch_size=config.batch_size // config.trainer.processes, seed=seed, trainer=alone)
    faces = open_faces(own, head.to(device), renderer.to(device))
    module = TextureGAN(config, head, renderer, faces)
    if config.init_from:
        results.read_networks(Path(config.init_from), module)
    return module


def train(config: TextureGANConfig, folder: Path) -> Result:
    """Train a texture generator and write it into `folder`; what the command and the tests call."""
    anchored = config.recipe == "anchored"
    write = anchored_results.write_anchored if anchored else results.write_networks
    options: dict[str, Any] = {"max_time": None} if anchored else {}  # its stages end it, by the same clock
    scores = [] if anchored else [Scores(config.metrics)]
    return run(
        config,
        folder,
        build=build,
        data=None,  # the module knows with which batch to begin
        write_results=partial(results.write_results, write=write),
        callbacks=lambda module: [
            results.Report(config.trainer.log_every, folder, config.snapshot_every, write),
            *scores,
        ],
        strategy=distributed.SharedGradients() if config.trainer.processes > 1 else "auto",
        # Reduced precision is chosen layer by layer; Lightning would apply it to everything.
        precision="32-true",
        keep_checkpoint=True,  # a run that took all its steps can be prolonged
        **options,
    )
