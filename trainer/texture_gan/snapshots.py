"""What a texture generator's run leaves behind: numbers, images and weights."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from clipface import weights
from clipface.edit.avatar import Avatar
from clipface.evaluation.grid import grid
from clipface.render.camera import view
from clipface.synthetic.attribute_vector import OPTIONS
from trainer.common import distributed

ROWS = 6  # textures in an image
STEPS = 6  # from one code to the next in an image of interpolations
YAWS = {"left": -35.0, "front": 0.0, "right": 35.0}
SHOWN_LOOKS = ("zombie", "clown", "vampire", "statue", "tiger", "beard", "gothic", "old")
SEED = 0  # the same latent codes in every image, so that images can be compared


class Report(Callback):
    """Log a module's `metrics`, and stop a run that is broken; the only place where the host waits for the device."""

    def __init__(self, every: int) -> None:
        """Args: every: batches between two reports."""
        self.every = every
        self._before: tuple[int, float] | None = None  # batches and clock at the last report

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if pl_module.batches % self.every:
            return
        pl_module.finite.check(pl_module.batches)
        values = torch.stack([value.detach().float() for value in pl_module.metrics.values()])
        distributed.average_([values])
        now = pl_module.batches, time.perf_counter()
        report = dict(zip(pl_module.metrics, values.tolist(), strict=True))
        if self._before:
            batches, seconds = (new - old for new, old in zip(now, self._before, strict=True))
            report["images_per_second"] = batches * pl_module.config.batch_size / seconds
        self._before = now
        for logger in trainer.loggers:  # not `log_dict`: its steps are another count after a resume
            logger.log_metrics(report, step=pl_module.batches)
            logger.save()


class Snapshots(Callback):
    """Write images of textures and of what lies between, the averaged generator (float16), both discriminators."""

    def __init__(self, folder: Path, every: int) -> None:
        """Args: folder: of the run; every: batches between two snapshots, 0: only at the end."""
        self.folder, self.every = Path(folder), every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.every and pl_module.batches % self.every == 0 and trainer.is_global_zero:
            self.write(pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            self.write(pl_module)

    def write(self, module: pl.LightningModule) -> None:
        """Write all of them."""
        module.average.save(self.folder / "generator.safetensors")
        discriminators = both_discriminators(module)
        config = {name: discriminator.config for name, discriminator in discriminators.items()}
        weights.save(self.folder / "discriminators.safetensors", discriminators.state_dict(), config, half=True)
        kinds = {"": render_samples, "_between": render_between}
        if module.looks is not None:
            offsets = {"offsets": module.looks.offsets.detach()}
            weights.save(self.folder / "looks.safetensors", offsets, {"options": OPTIONS}, half=True)
            kinds["_looks"] = render_looks
        (self.folder / "images").mkdir(parents=True, exist_ok=True)
        for kind, draw in kinds.items():
            draw(module).save(self.folder / "images" / f"{module.batches:07d}{kind}.png")


def read_networks(folder: Path, module: pl.LightningModule) -> None:
    """Load what `Snapshots` wrote: the averaged generator, for the generator too, and the discriminators.

    A folder without discriminators leaves them untrained; one without offsets of looks, those.

    Raises:
        FileNotFoundError, ValueError: if the generator is missing, or a file cut off or of networks of another size.
    """
    parts = {"generator": (module.generator, module.average), "discriminators": (both_discriminators(module),)}
    for name, networks in parts.items():
        path = folder / f"{name}.safetensors"
        if name == "discriminators" and not path.exists():
            continue
        tensors, _ = weights.load(path)
        for network in networks:
            weights.load_into(network, tensors, str(path))
    looks = folder / "looks.safetensors"
    if module.looks is not None and looks.exists():
        (offsets,) = weights.load(looks)[0].values()
        if offsets.shape != module.looks.offsets.shape:
            wanted, given = tuple(module.looks.offsets.shape), tuple(offsets.shape)
            raise ValueError(f"init_from: offsets {wanted} are wanted by this run, {given} are in {looks}")
        with torch.no_grad():
            module.looks.offsets.copy_(offsets)


def both_discriminators(module: pl.LightningModule) -> torch.nn.ModuleDict:
    """The module's discriminators under the names that their file has."""
    return torch.nn.ModuleDict({"whole": module.discriminator, "patch": module.patch_discriminator})


@torch.no_grad()
def render_samples(module: pl.LightningModule) -> Any:
    """Lay out textures of the averaged generator, each beside three views of it on the mean head."""
    return views_of(Avatar(module.average, module.head, module.renderer), _codes(module, ROWS))


@torch.no_grad()
def render_between(module: pl.LightningModule) -> Any:
    """Lay out frontal views of what lies between two codes, a row for each pair."""
    avatar = Avatar(module.average, module.head, module.renderer)
    share = torch.linspace(0, 1, STEPS, device=module.device)[:, None, None]
    rows = []
    for first, second in _codes(module, ROWS).unflatten(0, (-1, 2)):
        rows.append(_drawn(avatar, avatar.texture(first.lerp(second, share)), 0.0))
    return grid(rows, [f"{value:.1f}" for value in share.flatten().tolist()])


@torch.no_grad()
def render_looks(module: pl.LightningModule) -> Any:
    """Lay out frontal views of textures (psi 0.7) as they are and in some looks, a row for each code."""
    avatar = Avatar(module.average, module.head, module.renderer)
    looks = [number for number, (_, value) in enumerate(OPTIONS) if value in SHOWN_LOOKS]
    offsets = torch.cat((torch.zeros_like(module.looks.offsets[:1]), module.looks.offsets[looks]))
    mean = module.average.mapping.w_avg
    rows = [_drawn(avatar, avatar.texture(mean.lerp(code, 0.7) + offsets), 0.0) for code in _codes(module, ROWS)]
    return grid(rows, ["plain", *(str(OPTIONS[number][1]) for number in looks)])


def views_of(avatar: Avatar, codes: Tensor) -> Any:
    """Lay out the textures of codes [B, L, w_dim], each beside three views of it on the mean head."""
    textures = avatar.texture(codes)
    columns = [textures, *(_drawn(avatar, textures, yaw) for yaw in YAWS.values())]
    return grid(list(zip(*columns, strict=True)), ["texture", *YAWS])


def _codes(module: pl.LightningModule, count: int) -> Tensor:
    z = torch.randn(count, module.average.config["z_dim"], generator=torch.Generator().manual_seed(SEED))
    return module.average.mapping(z.to(module.device))


def _drawn(avatar: Avatar, textures: Tensor, yaw: float) -> Tensor:
    angles = torch.full((len(textures),), yaw, device=textures.device)
    return avatar.image(textures, None, None, None, view(angles, torch.zeros_like(angles)), textures.shape[-1])
