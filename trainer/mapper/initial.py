"""How a mapper begins: at zero offsets, at random, or where a file left off; and the pre-training to zero offsets.

Source: ClipFace (arXiv 2212.01406), section 3.2, whose mappers are pre-trained to zero offsets from a random start.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from clipface import weights
from clipface.edit.attributes import is_look, known_start, look_offset
from clipface.edit.avatar import Avatar
from clipface.edit.files import MAPPER_FILE, read_mapper
from clipface.edit.mapper import FaceMapper
from clipface.edit.sampling import Domain, sample_faces
from trainer.mapper.config import MapperConfig, ModelConfig

STARTS = ("known", "zero", "random")  # anything else is a file, or a look
VALIDATION_FACES = 64  # that tell how far from zero offsets still are


def start_mapper(model: ModelConfig, avatar: Avatar, prompt: str | None = None) -> FaceMapper:
    """Create the mapper that a run trains.

    Args:
        model: what may change, and where it begins.
        avatar: generator and head.
        prompt: name of the prompt, where the generator is the one that assets name: for `start=known`.

    Raises:
        ValueError: if nothing may change, the head lacks the region, or a file holds another mapper.
        FileNotFoundError: if there is no such file.
    """
    head, generator = avatar.head, avatar.generator
    expression = model.region is None if model.expression is None else model.expression
    mapper = FaceMapper(
        generator.levels, generator.config["w_dim"], head.n_expression, model.layers, model.texture, expression,
        head.n_shape if model.identity else 0, model.region,
    )  # fmt: skip
    if model.region is not None:
        avatar.mask(model.region)  # refused now, not after the first step
    start = known_start(model.init_from, None if mapper.texture is None else prompt)
    if start == "random":
        for part in mapper.parts():
            part.start_at_random()
    elif is_look(start):
        if mapper.texture is None:
            raise ValueError(f"model.init_from: an edit of the texture is wanted by {start}, texture=false was given")
        mapper.texture.start_at(look_offset(start, generator.levels))
    elif start not in STARTS:
        _take_over(mapper, start)
    return mapper


def _take_over(mapper: FaceMapper, path: str) -> None:
    """Copy the networks that both have; a file may have more, and a part that it lacks begins at zero offsets."""
    file, _ = read_mapper(path, mapper.config["levels"])
    found = file.state_dict()
    wanted = mapper.state_dict()
    names = [name for name in wanted if name in found]
    if not names:
        raise ValueError(f"model.init_from: {path} has none of the networks that this run trains")
    for name in names:
        if found[name].shape != wanted[name].shape and name.startswith("expression."):
            found[name] = _widened(found[name], wanted[name])
    weights.load_into(mapper, {**wanted, **{name: found[name] for name in names}}, f"model.init_from: {path}")


def _widened(given: Tensor, wanted: Tensor) -> Tensor:
    """Give a last layer for fewer coefficients zero rows for the others: theirs are 50, a head can have more."""
    whole = torch.zeros_like(wanted)
    whole[tuple(slice(size) for size in given.shape)] = given
    return whole


class ZeroOffsets(pl.LightningModule):
    """Mappers on their way to zero offsets: no image is drawn and no word is read."""

    def __init__(self, config: MapperConfig, avatar: Avatar) -> None:
        """Args: config: of the run; avatar: whose codes the mappers read."""
        super().__init__()
        self.config, self.avatar = config, avatar
        self.mapper = start_mapper(config.model, avatar)
        self.before = self.distance()  # where training begins

    def loss(self, indices: range, domain: Domain) -> Tensor:
        """Mean square of all offsets of random faces, averaged over the networks."""
        offsets = self.mapper.offsets(sample_faces(self.avatar, indices, 1.0, domain, self.config.seed).codes)
        return torch.stack([part.square().mean() for part in offsets if part is not None]).mean()

    @torch.no_grad()
    def distance(self) -> float:
        """Root mean square of all offsets of validation faces."""
        return self.loss(range(VALIDATION_FACES), "validation").sqrt().item()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on new codes, which `batch_idx` decides."""
        count = self.config.batch_size
        loss = self.loss(range(batch_idx * count, (batch_idx + 1) * count), "training")
        self.log("loss", loss, prog_bar=True, batch_size=count)
        return loss

    def configure_optimizers(self) -> Any:
        """Adam, with the mappers' learning rates."""
        optimizer = torch.optim.Adam(learning_groups(self.mapper, self.config))
        if not self.config.learning_rate.decay:
            return optimizer
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.config.trainer.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def learning_groups(mapper: FaceMapper, config: MapperConfig) -> list[dict]:
    """Parameters of each network with its learning rate, for an optimiser."""
    rates = config.learning_rate
    parts = (mapper.texture, rates.texture), (mapper.expression, rates.expression), (mapper.identity, rates.identity)
    return [{"params": part.parameters(), "lr": rate} for part, rate in parts if part is not None]


def write_zero_offsets(module: ZeroOffsets, folder: Path, training: dict[str, Any]) -> dict[str, float]:
    """Write the mapper into `folder`, for `model.init_from` of other runs, and print how far from zero it still is."""
    config = module.config
    after = module.distance()
    notes = {"prompt": asdict(config.prompt), "head": asdict(config.head), "generator": config.generator}
    notes |= {"psi": config.psi, "training": training, "offsets": [module.before, after]}
    path = module.mapper.save(folder / MAPPER_FILE, **notes)
    print(
        f"\nWritten: {path}; offsets of validation codes (root mean square) {module.before:.3g} -> {after:.3g}\n"
        f"To begin with it: python -m trainer.mapper prompt=zombie model.init_from={path}",
        flush=True,
    )
    return {"offsets/before": module.before, "offsets/after": after}
