"""What a run of the anchored recipe leaves behind: weights, its linear model, and sheets of textures."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from clipface import weights
from clipface.evaluation.grid import grid
from clipface.synthetic.looks.registry import OPTIONS
from clipface.texture.linear import LINEAR_FILE
from trainer.texture_gan.anchored.losses import reduced
from trainer.texture_gan.anchored.module import AnchoredTextureGAN
from trainer.texture_gan.results import DISCRIMINATORS, GENERATOR, LOOKS, SEED, both_discriminators, save_weights

COLUMNS = 8  # textures in a row of a sheet
TILE = 192  # pixels of a sheet's textures
NOTE = "colours in [-1, 1]; the first entries of the generator's z are coefficients of this model"


def write_anchored(module: AnchoredTextureGAN, folder: Path) -> None:
    """Write averaged generator and offsets, discriminators and linear model (float16), and a sheet of textures."""
    save_weights(module, folder, module.average_offsets.offsets if module.data.painted else None)
    module.linear.save(folder / LINEAR_FILE, module.uv_map, NOTE)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    render_sheet(module).save(folder / "images" / f"{module.batches:07d}.png")


def read_anchored(folder: Path, module: AnchoredTextureGAN) -> None:
    """Load what `write_anchored` wrote into a module in its first stage: the averages, and the discriminators.

    A folder without discriminators leaves them untrained, one without looks those.

    Raises:
        FileNotFoundError, ValueError: if the generator is missing or of another UV map or resolution, or a file is cut
            off or of networks of another size.
    """
    parts = {
        GENERATOR: (module.generator, module.average),
        DISCRIMINATORS: (both_discriminators(module),),
        LOOKS: (module.offsets, module.average_offsets),
    }
    for name, networks in parts.items():
        path = folder / name
        if name != GENERATOR and not path.exists():
            continue
        tensors, config = weights.load(path)
        if name == GENERATOR:
            for key, expected in (("uv_map", module.uv_map), ("resolution", module.generator.config["resolution"])):
                if config.get(key) != expected:
                    remedy = "begin with its resolution (anchored.stages), or train without init_from"
                    raise ValueError(f"init_from: expected {key} {expected}, got {config.get(key)} in {path}; {remedy}")
        for network in networks:
            weights.load_into(network, tensors, f"init_from: {path}")


@torch.no_grad()
def render_sheet(module: AnchoredTextureGAN) -> Image.Image:
    """Lay out targets and their reconstructions, mixtures, random textures, and one person in all looks."""
    average, textures, linear = module.average, module.data.textures, module.linear
    device, size = module.device, average.config["resolution"]
    z = torch.randn(3 * COLUMNS, average.config["z_dim"], generator=torch.Generator().manual_seed(SEED)).to(device)
    shown = textures.full_weight.nonzero().flatten()
    targets = textures[shown[torch.linspace(0, len(shown) - 1, COLUMNS, device=device).long()]]
    codes = z[:COLUMNS].clone()
    codes[:, : linear.count] = linear.coefficients(targets)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):  # a sheet changes nothing in the run
        mixtures = textures.mixtures(COLUMNS)
    first, second, third = z.chunk(3)
    anchors = torch.nn.functional.interpolate(linear.textures(first[:, : linear.count]), size, mode="bilinear")
    rows = {
        "targets": targets, "generated": average(codes), "mixtures": mixtures, "random": average(first),
        "its anchors": anchors, "random 2": average(second), "random 3": average(third),
    }  # fmt: skip
    if module.data.painted:
        w_plus = average.mapping(codes[:1])
        for start in range(0, len(OPTIONS), COLUMNS):
            option = (start + torch.arange(COLUMNS, device=device)).clamp_max(len(OPTIONS))
            rows[f"{start} {OPTIONS[start][1]}"] = average.synthesis(w_plus + module.average_offsets(option))
    tiles = [list(_tiles(row)) for row in rows.values()]
    return grid(tiles, [str(number + 1) for number in range(COLUMNS)], list(rows))


def _tiles(textures: Tensor) -> Tensor:
    size = textures.shape[-1]
    smaller = reduced(textures, size // max(1, round(size / TILE)))
    return (smaller.float() / 2 + 0.5).clamp(0, 1).cpu()
