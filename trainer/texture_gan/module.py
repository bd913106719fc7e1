"""The texture generator in training: its networks, and the phases of a step.

Source: ClipFace (arXiv 2212.01406), sections 3.1 and 4; StyleGAN2 (arXiv 1912.04958) for the lazy penalties.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from clipface import weights
from clipface.data import FaceBatch
from clipface.head import HeadModel
from clipface.head.mesh import uv_map_hash
from clipface.render import Renderer
from clipface.settings import SEED_STRIDE
from clipface.synthetic.painter import Painter
from clipface.texture.augment.pipeline import Augment
from clipface.texture.discriminator import Discriminator, random_patches
from clipface.texture.generator import TextureGenerator, mix_codes
from clipface.texture.losses import discriminator_loss, generator_loss, path_lengths, path_penalty, r1_penalty
from trainer.common import distributed
from trainer.texture_gan.config import TextureGANConfig
from trainer.texture_gan.data import prefetched
from trainer.texture_gan.extra_losses import AttributeOffsets, FeatureStatistics, GeneratorStep
from trainer.texture_gan.steps import (
    Found,
    SkipNonfinite,
    approach,
    averaged,
    follow,
    half_life_now,
    lazy_adam,
    step_on_parts,
)
from trainer.texture_gan.views import render_views

W_AVERAGE_DECAY = 0.995  # of the running mean of w (StyleGAN2-ADA)
PATH_DECAY = 0.99  # of the running mean of path lengths (StyleGAN2)


class TextureGAN(pl.LightningModule):
    """Generator, both discriminators, and what they share; the head and the renderer are frozen."""

    def __init__(
        self, config: TextureGANConfig, head: HeadModel, renderer: Renderer, faces: Callable[[int], Iterable[FaceBatch]]
    ) -> None:
        """Create untrained networks.

        Args:
            config: of the run.
            head: parameters to vertices.
            renderer: of this head's mesh.
            faces: from the number of a batch to endless batches from that one on.
        """
        super().__init__()
        self.automatic_optimization = False
        self.config, self.head, self.renderer, self.faces = config, head, renderer, faces
        # At and above resolution 32: see the networks.
        self.reduced = torch.bfloat16 if config.trainer.precision.startswith("bf16") else None
        self.penalty_reduced = self.reduced if config.penalty.reduced else None
        self.generator = TextureGenerator(**asdict(config.generator), uv_map=uv_map_hash(head))
        self.average = averaged(self.generator)
        self.discriminator = Discriminator(config.image_size, **asdict(config.discriminator))
        patch, sizes = config.patch, self.generator.config
        # Patches of one image are seldom alike, so their deviation over a group tells nothing.
        self.patch_discriminator = Discriminator(patch.size, patch.channel_base, patch.channel_max, group=0)
        self.looks = self.statistics = None
        if config.attribute_offsets.weight:
            painter = Painter(head, sizes["resolution"], renderer.backend)
            levels = self.generator.levels
            self.looks = AttributeOffsets(config.attribute_offsets, painter, levels, sizes["w_dim"])
        if config.statistics.weight:
            self.statistics = FeatureStatistics(config.statistics, config.batch_size)
        self.augment = Augment(config.augment.target, config.augment.images, config.augment.transforms)
        self.augment.probability.fill_(config.augment.begin)
        self.finite = SkipNonfinite(config.robust.in_a_row, config.robust.share)
        self.register_buffer("path_mean", torch.zeros(()))
        self.batches = 0  # trained on; Lightning's global_step counts every optimiser's step
        self.metrics: dict[str, Tensor] = {}  # of the last batch

    @property
    def images(self) -> int:
        """Trained on so far."""
        return self.batches * self.config.batch_size

    def training_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Train both sides on one batch of faces: g_main, g_path, d_main, d_r1, then the average follows."""
        penalty, augment, number = self.config.penalty, self.config.augment, self.batches
        generator_optimizer, discriminator_optimizer = self.optimizers(use_pl_optimizer=False)
        views = self.shuffled(batch)
        self.discriminators_require_grad(False)
        fakes, metrics = self.g_main(generator_optimizer, views)
        if penalty.path_every and number % penalty.path_every == 0:
            metrics |= self.g_path(generator_optimizer, views)
        self.discriminators_require_grad(True)
        metrics |= self.d_main(discriminator_optimizer, batch.image, fakes)
        if penalty.r1_every and number % penalty.r1_every == 0:
            metrics |= self.d_r1(discriminator_optimizer, batch.image)
        if augment.enabled and number % augment.every == augment.every - 1:
            self.augment.adapt()
        self.finite.end_batch()
        size, average = self.config.batch_size, self.config.average
        follow(self.average, self.generator, size, half_life_now(average.half_life, average.ramp_up, number * size))
        self.batches += 1
        self.metrics = metrics | {"augment_probability": self.augment.probability, "skipped": self.finite.skipped}

    def g_main(self, optimizer: Any, views: FaceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator learns to convince both discriminators, and from the extra losses; returns its images."""
        metrics, fakes = self._step(optimizer, self._g_main, views)
        return fakes, metrics

    def _g_main(self, views: FaceBatch) -> Found:
        w_plus = self.random_codes(len(views.camera))
        self._approach(self.generator.mapping.w_avg, w_plus.detach()[:, 0].mean(0), W_AVERAGE_DECAY)
        if self.looks is not None and views.attribute_vector is not None:
            w_plus = w_plus + self.looks(views.attribute_vector)
        fakes = self.render(self.generator.synthesis(w_plus, "random", self.reduced), views)
        augmented = self.augmented(fakes)
        whole = generator_loss(self.discriminator(augmented, self.reduced))
        patch = generator_loss(self.patch_discriminator(self.patches(augmented), self.reduced))
        loss, metrics = whole + self.config.patch.weight * patch, {"generator/whole": whole, "generator/patch": patch}
        for name, extra in {"looks": self.looks, "statistics": self.statistics}.items():
            if extra is not None:
                metrics[f"generator/{name}"] = value = extra.loss(self._generator_step(views, fakes))
                loss = loss + extra.config.weight * value
        return Found(loss, metrics, fakes)

    def g_path(self, optimizer: Any, views: FaceBatch) -> dict[str, Tensor]:
        """The generator learns to change images evenly with the code."""
        return self._step(optimizer, self._g_path, self._share(views))[0]

    def _g_path(self, views: FaceBatch) -> Found:
        w_plus = self.random_codes(len(views.camera))
        texture = self.generator.synthesis(w_plus, "random", self.penalty_reduced)
        leaf = texture.detach().requires_grad_()
        image = self.render(leaf, views)
        (cotangent,) = torch.autograd.grad(image, leaf, self.path_noise(image))
        lengths = path_lengths(texture, w_plus, cotangent)
        self._approach(self.path_mean, lengths.detach().mean(), PATH_DECAY)
        penalty = path_penalty(lengths, self.path_mean)
        loss = penalty * self.config.penalty.path * self.config.penalty.path_every
        return Found(loss, {"penalty/path": penalty}, lengths)

    def d_main(self, optimizer: Any, reals: Tensor, fakes: Tensor) -> dict[str, Tensor]:
        """The discriminators learn to tell real images from fakes."""
        metrics, real = self._step(optimizer, self._d_main, reals, fakes)
        self.augment.observe(distributed.joined(real))
        return metrics

    def _d_main(self, reals: Tensor, fakes: Tensor) -> Found:
        images = self.augmented(torch.cat((reals, fakes)))
        # The deviation over a group must not mix real and fake ones: two parts.
        real, fake = self.discriminator(images, self.reduced, parts=2).chunk(2)
        whole = discriminator_loss(real, fake)
        patch = discriminator_loss(*self.patch_discriminator(self.patches(images), self.reduced).chunk(2))
        metrics = {"discriminator/whole": whole, "discriminator/patch": patch, "real": real.mean(), "fake": fake.mean()}
        return Found(whole + patch, metrics, real)

    def d_r1(self, optimizer: Any, reals: Tensor) -> dict[str, Tensor]:
        """The discriminators learn to be flat around real images as they get them: augmented."""
        return self._step(optimizer, self._d_r1, self._share(reals))[0]

    def _d_r1(self, reals: Tensor) -> Found:
        config = self.config.penalty
        reals = self.augmented(reals)
        patches = self.patches(reals).requires_grad_()
        reals.requires_grad_()
        whole = r1_penalty(self.discriminator(reals, self.penalty_reduced), reals)
        patch = r1_penalty(self.patch_discriminator(patches, self.penalty_reduced), patches)
        loss = (config.r1 * whole + config.patch_r1 * patch) / 2 * config.r1_every
        return Found(loss, {"penalty/r1": whole, "penalty/patch_r1": patch}, reals)

    def _step(self, optimizer: Any, find: Callable[..., Found], *batches: Any) -> tuple[dict[str, Tensor], Tensor]:
        return step_on_parts(optimizer, find, batches, self.config.parts, self.manual_backward, self.finite)

    def _approach(self, mean: Tensor, value: Tensor, decay: float) -> None:
        approach(mean, value, decay ** (1 / self.config.parts))

    def _generator_step(self, views: FaceBatch, fakes: Tensor) -> GeneratorStep:
        seed = (self.config.seed + distributed.global_rank() * SEED_STRIDE) * SEED_STRIDE + self.batches
        synthesis = self.generator.synthesis
        return GeneratorStep(self.batches, seed, views, fakes, synthesis, self.random_codes, self.reduced)

    def discriminators_require_grad(self, require: bool) -> None:
        """Whether a backward pass reaches the discriminators' parameters: not while the generator learns."""
        for discriminator in (self.discriminator, self.patch_discriminator):
            discriminator.requires_grad_(require)

    def _share(self, batch: Any) -> Any:
        """The first images of a batch, as many as penalties use."""
        kept = self.config.penalised
        return batch[:kept] if isinstance(batch, Tensor) else batch.select(slice(kept))

    def random_codes(self, count: int) -> Tensor:
        """Sample style codes [count, L, w_dim], some of them with levels of two latent codes."""
        z = torch.randn(2 * count, self.generator.config["z_dim"], device=self.device)
        return mix_codes(*self.generator.mapping(z).chunk(2), self.config.style_mixing)

    def path_noise(self, image: Tensor) -> Tensor:
        """Random direction among images, whose expected length does not depend on their size."""
        return torch.randn_like(image) / self.config.image_size

    def shuffled(self, batch: FaceBatch) -> FaceBatch:
        """Give heads, cameras and masks in random order, so that no texture meets the image it must not copy."""
        return batch.select(torch.randperm(len(batch.camera), device=self.device))

    def render(self, texture: Tensor, views: FaceBatch) -> Tensor:
        """Render textures [B, 3, R, R] on the heads of `views`, masked as their images are; both in [-1, 1]."""
        return render_views(self.head, self.renderer, texture, views, self.config.image_size)

    def augmented(self, images: Tensor) -> Tensor:
        """Give images as discriminators get them."""
        return self.augment(images) if self.config.augment.enabled else images.clone()

    def patches(self, images: Tensor) -> Tensor:
        """Cut random patches."""
        patch = self.config.patch
        return random_patches(images, patch.size, patch.stride, patch.count)

    def train_dataloader(self) -> Iterable[FaceBatch]:
        """Give the batches that are left to train on."""
        left = max(0, self.config.trainer.steps - self.batches)
        return itertools.islice(prefetched(self.faces(self.batches), self.device), left)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam for each side."""
        penalty, rate = self.config.penalty, self.config.learning_rate
        generators = [*self.generator.parameters(), *(self.looks.parameters() if self.looks else ())]
        discriminators = [*self.discriminator.parameters(), *self.patch_discriminator.parameters()]
        sides = (generators, penalty.path_every), (discriminators, penalty.r1_every)
        return [lazy_adam(parameters, rate, every) for parameters, every in sides]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the count of batches."""
        checkpoint["batches"] = self.batches

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of other networks."""
        weights.check_keys(self.state_dict(), checkpoint["state_dict"], "checkpoint")
        self.batches = checkpoint["batches"]
        # Batches are counted here. Lightning's count would refuse to prolong a run that had come to its end.
        checkpoint.pop("loops", None)
