"""Heads with known parameters in crops."""

from pathlib import Path

import torch

from clipface.bake.head_fit import HeadFit, white_light
from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.head import HeadModel
from clipface.render import Renderer


def two_heads(head: HeadModel) -> HeadFit:
    """One from the front and one turned by 35 degrees, both as large in the crop as photographs show them."""
    generator = torch.Generator().manual_seed(5)
    pose = torch.zeros(2, 6)
    pose[1, 1] = 0.6
    return HeadFit(
        0.5 * torch.randn(2, head.n_shape, generator=generator) * (torch.arange(head.n_shape) < 20),
        torch.zeros(2, head.n_expression), pose, torch.zeros(2, 6), torch.tensor([6.0, 6.0]),
        torch.tensor([[0.0, 0.02], [0.0, 0.02]]), white_light(2), torch.zeros(2, 0),
    )  # fmt: skip


def write_fitted(folder: Path, head: HeadModel, renderer: Renderer, count: int, size: int = 256) -> Path:
    """Write a data set of fitted heads of smooth skins, the two heads in turn."""
    create_dataset(folder, "open", {})
    writer = ShardWriter(folder, 0, lossless=True)
    fit = two_heads(head).select([number % 2 for number in range(count)])
    coarse = torch.rand(count, 3, 5, 5, generator=torch.Generator().manual_seed(2))
    skins = 0.3 + 0.4 * torch.nn.functional.interpolate(coarse, (64, 64), mode="bicubic").clamp(0, 1)
    rendered = renderer(head(fit.shape, fit.expression, fit.pose), skins, fit.camera, size, 0.0)
    crops = (rendered.image.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    masks = ((rendered.mask[:, 0] > 0.5) * 255).byte().numpy()
    for row in range(count):
        arrays = {name: part[row].numpy() for name, part in fit._asdict().items()} | {"camera": fit.camera[row].numpy()}
        writer.add(Face(f"face{row}", crops[row], masks[row], arrays))
    writer.close({})
    return folder
