"""The pre-training of mappers to zero offsets from a random start: no image is rendered and no word is read.

Source: ClipFace (arXiv 2212.01406), section 3.2.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes
from clipface.edit.notes import MAPPER_FILE
from clipface.edit.sampling import sample_faces
from clipface.settings import pasted
from trainer.common.mapper_training import MapperTraining
from trainer.mapper.config import MapperConfig
from trainer.mapper.module import initial_mapper, learning_groups

VALIDATION_FACES = 64  # that tell how far from zero the offsets still are


class ZeroOffsets(MapperTraining):
    """Mappers on their way to zero offsets."""

    def __init__(self, config: MapperConfig, avatar: Avatar) -> None:
        """Args: config: of the run; avatar: whose codes the mappers read."""
        mapper, rates = initial_mapper(config.model, avatar), config.learning_rate
        super().__init__(config, avatar, mapper, learning_groups(mapper, rates), rates.decay)
        self.before = self.distance()  # where training begins

    def sample(self, indices: Sequence[int]) -> Codes:
        """Codes of the faces with these indices."""
        return sample_faces(self.avatar, indices, 1.0, "training", self.config.seed).codes

    def loss(self, codes: Codes) -> Tensor:
        """Mean square of all offsets, averaged over the networks. Gradient: to the mapper."""
        offsets = self.mapper.offsets(codes)
        return torch.stack([part.square().mean() for part in offsets if part is not None]).mean()

    @torch.no_grad()
    def distance(self) -> float:
        """Root mean square of all offsets of validation faces."""
        return self.loss(sample_faces(self.avatar, range(VALIDATION_FACES), 1.0, "validation").codes).sqrt().item()

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """One step on the codes of step `batch_idx`."""
        loss = self.loss(self.data[batch_idx])
        self.log("loss", loss, prog_bar=True, batch_size=self.config.batch_size)
        return loss


def write_zero_offsets(module: ZeroOffsets, folder: Path, training: dict[str, Any]) -> dict[str, float]:
    """Write the mapper into `folder`, for `model.init_from` of other runs, and print how far from zero it still is."""
    config = module.config
    after = module.distance()
    notes = {**config.notes, **module.avatar.origin, "offsets": [module.before, after]}
    path = module.mapper.save(folder / MAPPER_FILE, **notes, training=training)
    print(
        f"\nWritten: {path}; offsets of validation codes (root mean square) {module.before:.3g} -> {after:.3g}\n"
        f"To begin with it: python -m trainer.mapper prompt=zombie {pasted('model.init_from', path)}",
        flush=True,
    )
    return {"offsets/before": module.before, "offsets/after": after}
