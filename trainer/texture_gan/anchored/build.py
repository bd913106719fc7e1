"""From the configuration of the anchored recipe to its module: textures, linear model, painted textures."""

import time
from pathlib import Path

import torch
from pytorch_lightning.utilities import rank_zero_only

from clipface.head import load_head
from clipface.head.mesh import uv_map_hash
from clipface.render.uv import UVMap
from clipface.synthetic.painter import Painter
from clipface.texture.linear import LINEAR_FILE, LinearTextures
from trainer.texture_gan.anchored.data import Batches
from trainer.texture_gan.anchored.module import AnchoredTextureGAN
from trainer.texture_gan.anchored.results import read_anchored
from trainer.texture_gan.anchored.textures import PaintedTextures, TextureSet
from trainer.texture_gan.config import TextureGANConfig

EYES = ["right_eyeball", "left_eyeball"]  # of the head's regions


@torch.no_grad()
def build_anchored(config: TextureGANConfig, device: torch.device) -> AnchoredTextureGAN:
    """Read the textures, find their linear model and paint some of them, all on the training device.

    Raises:
        ValueError: if a value does not fit.
        FileNotFoundError: if the head or the textures are missing; says how to get them.
    """
    if config.dataset.textures is None:
        raise ValueError("dataset.textures: expected a folder of textures, got none; scripts/bake_texture.py bakes")
    recipe, started = config.anchored, time.perf_counter()
    head, backend = load_head(config.head.name, config.head.path).to(device), config.renderer.backend
    uv_map = UVMap(head, config.generator.resolution, backend)
    textures = TextureSet(config.dataset.textures, uv_map)
    folder = Path(config.init_from) if config.init_from else None
    if folder:
        linear = LinearTextures.from_weights(folder / LINEAR_FILE).to(device)  # that of the generator's codes
    else:
        # By weight, so that z ~ N(0, I) gives people as often as they are sampled from the set.
        linear = LinearTextures.fit(textures.small(recipe.anchor_size), recipe.coefficients, textures.weight)
    single = int((textures.full_weight == 0).sum()) // 2
    _say(f"{len(textures) // 2} textures and as many mirror images, {single} of them only in mixtures")
    _say(f"linear model: {linear.count} coefficients hold {linear.explained:.1%} of the variance")
    painted = None
    if recipe.painted.count:
        painter = Painter(head, config.generator.resolution, backend)
        painted = PaintedTextures(textures, painter, recipe.painted.count, config.seed)
        _say(f"{len(painted.options)} painted textures")
    _say(f"ready after {time.perf_counter() - started:.0f} s")
    eyes = uv_map.region(EYES).flatten()[uv_map.nearest].view(uv_map.size, uv_map.size)  # and the gutter around them
    data = Batches(recipe.painted, config.generator.z_dim, textures, linear, painted)
    module = AnchoredTextureGAN(config, data, eyes, uv_map_hash(head)).to(device)
    if folder:
        read_anchored(folder, module)
    return module


@rank_zero_only
def _say(words: str) -> None:
    print(words, flush=True)
