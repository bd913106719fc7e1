"""Drawn faces as a feature statistics: they shall be spread in an encoder's features as photographs are.

A discriminator looks at one image, and what it cannot blame a generator for it does not teach: that old people or
women are missing. Here the features of many images are compared, their means and how they vary together, by the same
Fréchet distance that FID is, but in the features of the project's own face encoder, and with a gradient to the newest
images. FID itself is measured with another network's features.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from clipface.guidance import load_encoder
from clipface.guidance.encoder import Encoder
from clipface.texture.losses import frechet_distance
from trainer.common import distributed
from trainer.texture_gan.config import StatisticsConfig

LENGTH = 10.0  # of the encoder's vectors here, so that their variance is about one a direction


class FeatureStatistics(nn.Module):
    """Features of the latest batches of images, real and drawn.

    They lie in buffers, so that a run which is taken up again goes on with the same. Where several processes train
    together, each compares the images of all.

    Args:
        config: of the comparison.
        batch_size: images of a kind, each time, of all processes together.
    """

    def __init__(self, config: StatisticsConfig, batch_size: int) -> None:
        super().__init__()
        self.batches = config.batches
        # In a tuple, it is no part of this module: a checkpoint shall hold only what was trained.
        self._encoder = (load_encoder(config.encoder),)
        self._parts: list[Tensor] = []  # what the layers gave for the images at hand
        for name in config.layers:
            self.encoder.model.visual.get_submodule(name).register_forward_hook(self._keep)
        side = self.encoder.image_size
        self.sizes = [part.shape[1] for part in self._features(torch.zeros(2, 3, side, side))]
        self.register_buffer("features", torch.zeros(2, config.batches, batch_size, sum(self.sizes)))
        self.register_buffer("counted", torch.zeros(config.batches, batch_size))

    @property
    def encoder(self) -> Encoder:
        """Whose features are compared; frozen."""
        return self._encoder[0]

    def _apply(self, function: Callable[[Tensor], Tensor], recurse: bool = True) -> "FeatureStatistics":
        """Take the encoder along to another device."""
        self.encoder._apply(function, recurse)
        return super()._apply(function, recurse)

    def forward(self, real: Tensor, drawn: Tensor, counted: Tensor, number: int) -> Tensor:
        """Distance of the latest images, drawn from real ones.

        Args:
            real, drawn: [B, 3, H, W] in [-1, 1], this process's.
            counted: [B], 1 for those that are compared, 0 for the others.
            number: of the batch, from 0; before there are as many as are compared, the distance is zero.

        Returns:
            Sum over the vectors and each layer of the squared Fréchet distance over the variance of real images.
            Gradient: to `drawn`, as large as if all images that are compared were in the batch, and so that the mean
            over processes is right.
        """
        place = number % self.batches
        with torch.no_grad():
            self.features[0, place] = distributed.joined(torch.cat(self._features(real), 1))
            self.counted[place] = distributed.joined(counted)
        own = torch.cat(self._features(drawn), 1)
        self.features[1, place] = distributed.joined(own.detach())
        if number + 1 < self.batches:
            return own.new_zeros(())
        ours = self.features[1].clone()
        rows = slice(distributed.global_rank() * len(own), (distributed.global_rank() + 1) * len(own))
        ours[place, rows] = own.detach() + (own - own.detach()) * (self.batches * distributed.count())
        weights = self.counted.flatten()
        pairs = zip(*(kind.flatten(0, 1).split(self.sizes, 1) for kind in (ours, self.features[0])), strict=True)
        return sum(frechet_distance(*pair, weights, weights) for pair in pairs)

    def _features(self, images: Tensor) -> list[Tensor]:
        # A broken image must not stay among those to come; the step is left out all the same (SkipNonfinite).
        vectors = self.encoder.encode_image((images / 2 + 0.5).nan_to_num(0.5).clamp(0, 1))
        parts, self._parts = self._parts, []
        return [vectors * LENGTH, *parts]

    def _keep(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.ndim != 4:
            raise ValueError(f"statistics.layers: layers that give [B, C, H, W] are wanted, one gives {output.shape}")
        self._parts.append(output.float().mean((2, 3)))
