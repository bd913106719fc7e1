"""A texture GAN small enough for a test: networks, head and faces."""

import itertools
from pathlib import Path

import torch

from clipface.data import FaceBatch, composite
from clipface.guidance.encoder import build_face_encoder, save_face_encoder
from clipface.head import HeadModel, load_head
from clipface.render import Renderer, random_views
from clipface.settings import GuidanceConfig
from trainer.common.callbacks import RandomState
from trainer.common.config import TrainerConfig
from trainer.common.run import fit
from trainer.texture_gan.config import (
    AugmentConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    PatchConfig,
    PenaltyConfig,
    TextureGANConfig,
)
from trainer.texture_gan.module import TextureGAN

SIZE = 32


def tiny_config(**changes) -> TextureGANConfig:
    parts = dict(
        batch_size=4,
        image_size=SIZE,
        generator=GeneratorConfig(16, 8, 8, 2, 64, 8),
        discriminator=DiscriminatorConfig(128, 8, 4),
        patch=PatchConfig(size=16, stride=8, count=2, channel_base=64, channel_max=8),
        augment=AugmentConfig(images=100, every=2),
        penalty=PenaltyConfig(r1_every=3, path_every=2),
        trainer=TrainerConfig(steps=4, log_every=1),
    )
    return TextureGANConfig(**(parts | changes))


def tiny_encoder(folder: Path) -> GuidanceConfig:
    """Write an untrained face encoder of few convolutions."""
    vision = {"image_size": SIZE, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16, "patch_size": None}
    text = {"context_length": 12, "width": 16, "heads": 2, "layers": 1}
    described = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = build_face_encoder(described, ["face"])
    return GuidanceConfig(weights=str(save_face_encoder(folder / "encoder.safetensors", encoder, described)))


def tiny_head(files: Path) -> tuple[HeadModel, Renderer]:
    head = load_head("open", files / "open_head.npz")
    return head, Renderer(head.faces, head.uv, head.uv_faces)


def tiny_batch(head: HeadModel, renderer: Renderer, number: int, count: int = 4) -> FaceBatch:
    generator = torch.Generator().manual_seed(number)
    camera = random_views(count, generator)
    shape = torch.randn(count, 10, generator=generator)
    texture = torch.rand(count, 3, 8, 8, generator=generator) * 2 - 1
    image, mask = renderer(head(shape), texture, camera, SIZE, 1.0)
    zeros = [torch.zeros(count, n) for n in (6, 6, 3, 6)]
    return FaceBatch(composite(image, mask, 1.0), mask, shape, *zeros[:2], camera, *zeros[2:])


def tiny_gan(head: HeadModel, renderer: Renderer, config: TextureGANConfig, first: int = 0) -> TextureGAN:
    """Args: first: number of the first batch of faces."""
    count = config.batch_size // config.trainer.devices
    torch.manual_seed(0)
    faces = lambda start: (tiny_batch(head, renderer, first + k, count) for k in itertools.count(start))  # noqa: E731
    return TextureGAN(config, head, renderer, faces)


def run(module, folder, steps=4, resume=None, callbacks=(), logger=False, **options):
    module.config.trainer.steps, module.config.trainer.resume = steps, resume
    parts = [RandomState(), *callbacks]
    config = module.config.trainer
    return fit(module, None, config=config, folder=folder, seed=1, callbacks=parts, logger=logger, **options)


def optimizers(module):
    module.manual_backward = torch.Tensor.backward  # without a Lightning trainer there is no strategy to ask
    return module.configure_optimizers()
