"""What a texture generator's run leaves behind: numbers, images and weights."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from PIL import Image
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from clipface import assets, weights
from clipface.edit.avatar import Avatar
from clipface.evaluation.grid import grid
from clipface.evaluation.textures import mean_head, texture_views
from clipface.head.mesh import check_uv_map
from clipface.synthetic.looks.registry import OPTIONS
from clipface.texture.published import read_generator
from trainer.common import distributed
from trainer.texture_gan.module import TextureGAN

ROWS = 6  # textures in an image
STEPS = 6  # from one code to the next in an image of interpolations
SHOWN_LOOKS = ("zombie", "clown", "vampire", "statue", "tiger", "beard", "gothic", "old")
LOOKS_PSI = 0.7  # truncation of the faces that looks are shown on
SIZES = ("resolution", "z_dim", "w_dim", "mapping_layers", "normalise_z")  # by which generators can differ
SEED = 0  # the same latent codes in every image, so that images can be compared
GENERATOR, DISCRIMINATORS, LOOKS = (f"{name}.safetensors" for name in ("generator", "discriminators", "looks"))


class Report(Callback):
    """Log a module's `metrics`, write snapshots, stop a run that is broken; only here the host waits for the device.

    Args:
        every: batches between two reports.
        folder: of the run.
        snapshot_every: batches between two snapshots of the results, 0: none; at the end, the run writes them.
        write: the results, of a module into a folder; None: `write_networks`.
    """

    def __init__(
        self, every: int, folder: Path, snapshot_every: int = 0, write: Callable[[Any, Path], None] | None = None
    ) -> None:
        self.every, self.folder, self.snapshot_every = every, Path(folder), snapshot_every
        self._write = write or write_networks
        self._before: tuple[int, float] | None = None  # images and time at the last report

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: TextureGAN, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.snapshot_every and pl_module.batches % self.snapshot_every == 0 and trainer.is_global_zero:
            self._write(pl_module, self.folder)
        if pl_module.batches % self.every:
            return
        pl_module.finite.check(pl_module.batches)
        values = torch.stack([value.detach().float() for value in pl_module.metrics.values()])
        distributed.average_([values])
        now = pl_module.images, time.perf_counter()
        report = dict(zip(pl_module.metrics, values.tolist(), strict=True))
        if self._before:
            images, seconds = (new - old for new, old in zip(now, self._before, strict=True))
            report["images_per_second"] = images / seconds
        self._before = now
        for logger in trainer.loggers:  # not `log_dict`: its steps are another count after a resume
            logger.log_metrics(report, step=pl_module.batches)
            logger.save()


def write_results(
    module: pl.LightningModule,
    folder: Path,
    training: dict[str, Any],
    write: Callable[[Any, Path], None] | None = None,
) -> dict[str, float]:
    """Write the networks and the last images, also of an interrupted run; gives the last batch's losses.

    Args:
        module, folder, training: of the run (see `trainer.common.run.run`).
        write: as of `Report`.
    """
    (write or write_networks)(module, folder)
    print(f"generator: {folder / GENERATOR}")
    return {name: value.item() for name, value in module.metrics.items()}


def write_networks(module: TextureGAN, folder: Path) -> None:
    """Write the averaged generator and both discriminators (float16), and images of textures and between them."""
    save_weights(module, folder, None if module.looks is None else module.looks.offsets)
    sheets = {"": render_samples, "_between": render_between}
    if module.looks is not None:
        sheets["_looks"] = render_looks
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for kind, render in sheets.items():
        render(module).save(folder / "images" / f"{module.batches:07d}{kind}.png")


def save_weights(module: pl.LightningModule, folder: Path, offsets: Tensor | None) -> None:
    """Write a module's averaged generator, its discriminators and the offsets of looks [N, L, w_dim], as float16."""
    generator, discriminators = module.average.save(folder / GENERATOR), both_discriminators(module)
    config = {name: discriminator.config for name, discriminator in discriminators.items()}
    weights.save(folder / DISCRIMINATORS, discriminators.state_dict(), config, half=True)
    if offsets is not None:
        origin = {"uv_map": module.average.config["uv_map"], "generator_sha256": assets.checksum(generator)}
        weights.save(folder / LOOKS, {"offsets": offsets.detach()}, {"options": OPTIONS, **origin}, half=True)


def read_networks(given: Path, module: TextureGAN) -> None:
    """Load what `write_networks` wrote: the averaged generator, for the generator too, and the discriminators.

    A generator's file, the authors' too, in the place of a folder stands for the generator alone. A folder without
    discriminators leaves them untrained; one without offsets of looks, those.

    Raises:
        FileNotFoundError, ValueError: if the generator is missing or of another UV map, or a file cut off or of
            networks of another size.
    """
    path = given if given.is_file() else given / GENERATOR
    generator, remedy = read_generator(path), "train without init_from, or with the head that it was trained for"
    check_uv_map(f"init_from: {path}", generator.config["uv_map"], module.head, remedy)
    for network in (module.generator, module.average):
        _check_sizes(f"init_from: {path}", generator.config, network.config)
        weights.load_into(network, generator.state_dict(), f"init_from: {path}")
    folder = path.parent
    if given.is_file():
        return
    if (folder / DISCRIMINATORS).exists():
        path = folder / DISCRIMINATORS
        weights.load_into(both_discriminators(module), weights.load(path)[0], f"init_from: {path}")
    if module.looks is not None and (folder / LOOKS).exists():
        (offsets,) = weights.load(folder / LOOKS)[0].values()
        own = torch.nn.ParameterDict({"offsets": module.looks.offsets})
        weights.load_into(own, {"offsets": offsets}, f"init_from: {folder / LOOKS} (take it away to learn others)")


def _check_sizes(what: str, given: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Name the sizes in which generators differ, before the names of weights do not fit."""
    others = [f"{key} {given[key]}" for key in SIZES if given[key] != wanted[key]]
    if others:
        wish = ", ".join(f"generator.{word.replace(' ', '=')}" for word in others)
        raise ValueError(f"{what}: expected the run's sizes, got {', '.join(others)}; give {wish}")


def both_discriminators(module: pl.LightningModule) -> torch.nn.ModuleDict:
    """The module's discriminators under the names that their file has."""
    return torch.nn.ModuleDict({"whole": module.discriminator, "patch": module.patch_discriminator})


@torch.no_grad()
def render_samples(module: TextureGAN) -> Image.Image:
    """Lay out textures of the averaged generator, each beside three views of it on the mean head."""
    return texture_views(_avatar(module), _codes(module))


@torch.no_grad()
def render_between(module: TextureGAN) -> Image.Image:
    """Lay out frontal views of what lies between two codes, a row for each pair."""
    avatar = _avatar(module)
    share = torch.linspace(0, 1, STEPS, device=module.device)[:, None, None]
    pairs = _codes(module).unflatten(0, (-1, 2))
    rows = [mean_head(avatar, avatar.texture(first.lerp(second, share))) for first, second in pairs]
    return grid(rows, [f"{value:.1f}" for value in share.flatten().tolist()])


@torch.no_grad()
def render_looks(module: TextureGAN) -> Image.Image:
    """Lay out frontal views of textures as they are and in some looks, a row for each code."""
    avatar, mean = _avatar(module), module.average.mapping.w_avg
    looks = [number for number, (_, value) in enumerate(OPTIONS) if value in SHOWN_LOOKS]
    offsets = torch.cat((torch.zeros_like(module.looks.offsets[:1]), module.looks.offsets[looks]))
    rows = [mean_head(avatar, avatar.texture(mean.lerp(code, LOOKS_PSI) + offsets)) for code in _codes(module)]
    return grid(rows, ["plain", *(str(OPTIONS[number][1]) for number in looks)])


def _avatar(module: TextureGAN) -> Avatar:
    return Avatar(module.average, module.head, module.renderer)


def _codes(module: TextureGAN) -> Tensor:
    z = torch.randn(ROWS, module.average.config["z_dim"], generator=torch.Generator().manual_seed(SEED))
    return module.average.mapping(z.to(module.device))
