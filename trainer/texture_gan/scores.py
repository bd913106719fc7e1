"""FID and KID of textures on random heads against the images of a data set, while training or afterwards."""

from collections.abc import Callable, Iterable, Iterator

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from clipface.data import FaceBatch
from clipface.head import HeadModel
from clipface.metrics import Distances, load_features
from clipface.render import Renderer
from trainer.common import distributed
from trainer.texture_gan.config import MetricsConfig
from trainer.texture_gan.views import render_views

SEED = 1234  # of the latent codes: the same ones for every score


class Scorer:
    """Compares rendered textures with real images: the same heads, cameras and masks for whatever is compared."""

    def __init__(
        self, features: torch.nn.Module, head: HeadModel, renderer: Renderer, faces: Iterable[FaceBatch], count: int
    ) -> None:
        """Compute the features of the real images.

        Args:
            features: from `load_features`.
            head, renderer: on the device that everything happens on.
            faces: batches of faces; the first `count` of them are used.
            count: faces, in this process.
        """
        self.head, self.renderer, self.device = head, renderer, head.v_template.device
        self.distances = Distances(features).to(self.device)
        self.views: list[FaceBatch] = []
        for batch in _first(faces, count):
            batch = batch.to(self.device)
            self.distances.add(batch.image, True)
            # Masks as bytes, and no images: thousands of faces shall fit into memory.
            mask = (batch.mask * 255).round().byte()
            self.views.append(batch._replace(image=batch.image[:, :, :1, :1], mask=mask, visibility=None))

    @torch.no_grad()
    def score(self, textures: Callable[[int, torch.Generator], Tensor], size: int) -> dict[str, float]:
        """Give `fid` and `kid` of textures.

        Args:
            textures: gives that many [B, 3, R, R] in [-1, 1]; its random numbers come from the generator.
            size: of the images, pixels.
        """
        generator = torch.Generator().manual_seed(SEED + distributed.global_rank())
        for views in self.views:
            views = views._replace(mask=views.mask.float() / 255)
            # No texture should meet the head of an image that it may have been learned from.
            views = views.select(torch.randperm(len(views.camera), generator=generator).to(self.device))
            texture = textures(len(views.camera), generator).to(self.device)
            self.distances.add(render_views(self.head, self.renderer, texture, views, size), False)
        return self.distances.compute()


def _first(faces: Iterable[FaceBatch], count: int) -> Iterator[FaceBatch]:
    for batch in faces:
        size = len(batch.camera)
        yield batch if size <= count else batch.select(slice(count))
        count -= size
        if count <= 0:
            return


class Scores(Callback):
    """Log FID and KID of the averaged generator every so many batches, and at the end."""

    def __init__(self, config: MetricsConfig) -> None:
        """Args: config: of the run; with `every` 0 there are no scores.

        Raises what `load_features` does: a run should not find out after hours that a package is missing.
        """
        self.config = config
        self.features = load_features(config.network) if config.every else None
        self.scorer: Scorer | None = None
        self._latest = -1

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if self.config.every and pl_module.batches % self.config.every == 0:
            self.write(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.config.every and self._latest != pl_module.batches:
            self.write(trainer, pl_module)

    def write(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Score and log, with the number of faces; every process scores its share."""
        if self.scorer is None:
            count = max(1, self.config.count // distributed.count())
            self.scorer = Scorer(self.features, module.head, module.renderer, module.faces(0), count)
        average = module.average

        def textures(number: int, generator: torch.Generator) -> Tensor:
            z = torch.randn(number, average.config["z_dim"], generator=generator).to(module.device)
            return average(z)

        found = self.scorer.score(textures, module.config.image_size)
        self._latest = module.batches
        for logger in trainer.loggers:
            logger.log_metrics(
                {f"{name}/{self.config.network}": value for name, value in found.items()}, module.batches
            )
            logger.save()
