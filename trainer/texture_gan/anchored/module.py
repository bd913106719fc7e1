"""The anchored recipe: a generator learns full textures from nothing, with the phases g_main, d_main and d_r1.

A latent code begins with the coefficients of a linear model of the textures; the rest is noise. Half of a batch has a
target: a texture, a mixture of two, or a painted one. The other half is free, but its small image is that of the linear
model. Both halves play against discriminators in the texture square.
"""

import itertools
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from clipface import weights
from clipface.settings import SEED_STRIDE
from clipface.synthetic.looks.registry import OPTIONS
from clipface.texture.augment.pipeline import Augment
from clipface.texture.discriminator import Discriminator, random_patches
from clipface.texture.generator import TextureGenerator
from clipface.texture.growth import grow_discriminator, grow_generator, grow_offsets
from clipface.texture.losses import discriminator_loss, generator_loss, r1_penalty
from trainer.common import distributed
from trainer.texture_gan.anchored.data import Batches, Samples
from trainer.texture_gan.anchored.losses import OptionOffsets, TargetLoss, reduced
from trainer.texture_gan.anchored.plan import StagePlan
from trainer.texture_gan.config import TextureGANConfig
from trainer.texture_gan.module import W_AVERAGE_DECAY
from trainer.texture_gan.steps import SkipNonfinite, approach, averaged, follow, half_life_now, lazy_adam, take_step

COUNTS = ("batches", "images", "stage", "entered")  # of the module, that a checkpoint keeps


class AnchoredTextureGAN(pl.LightningModule):
    """Generator, attribute offsets, both discriminators and their averages; they grow from stage to stage.

    Attributes:
        stage: number of the stage; entered: batches and images before it.
    """

    def __init__(self, config: TextureGANConfig, data: Batches, eyes: Tensor, uv_map: str) -> None:
        """Create untrained networks of the first stage.

        Args:
            config: of the run.
            data: what batches are made of.
            eyes: [S, S] 1 on texels of the eyes, S the textures' largest size.
            uv_map: hash of the textures' UV map.
        """
        super().__init__()
        self.automatic_optimization = False
        self.config, self.data, self.linear, self.uv_map = config, data, data.linear, uv_map
        self.reduced = torch.bfloat16 if config.trainer.precision.startswith("bf16") else None
        self.penalty_reduced = self.reduced if config.penalty.reduced else None
        recipe, run = config.anchored, config.trainer
        shares = [stage.share for stage in recipe.stages]
        self.plan = StagePlan(shares, run.steps, run.minutes, recipe.cool, recipe.cool_to)
        self.target_loss = TargetLoss(recipe, eyes)
        self.patch_discriminator = Discriminator(
            config.patch.size, config.patch.channel_base, config.patch.channel_max, group=0
        )
        self.augment = Augment(config.augment.target, config.augment.images, config.augment.transforms)
        self.augment.probability.fill_(config.augment.begin)
        self.finite = SkipNonfinite(config.robust.in_a_row, config.robust.share)
        self.batches = self.images = 0  # trained on; of all processes together
        self.stage, self.entered = -1, [0, 0]
        self.metrics: dict[str, Tensor] = {}  # of the last batch
        self.enter(0)

    def enter(self, number: int) -> None:
        """Begin a stage, with networks that go on from the averages of the one before."""
        stage, before = self.config.anchored.stages[number], self.stage
        with torch.random.fork_rng([]):  # alike in every process, and in a resumed run
            torch.default_generator.manual_seed(self.config.seed * SEED_STRIDE + number)
            sizes = asdict(self.config.generator) | {"resolution": stage.resolution}
            generator = TextureGenerator(**sizes, uv_map=self.uv_map)
            discriminator = Discriminator(stage.resolution, **asdict(self.config.discriminator))
        offsets = OptionOffsets(generator.levels, self.config.generator.w_dim)
        parts = [part.to(self.device) for part in (generator, discriminator, offsets)]
        if self.device.type == "cuda":
            parts = [part.to(memory_format=torch.channels_last) for part in parts]
        generator, discriminator, offsets = parts
        if before >= 0:
            grow_generator(self.average, generator)
            grow_discriminator(self.discriminator, discriminator)
            grow_offsets(self.average_offsets.offsets, offsets.offsets)
        self.generator, self.discriminator, self.offsets = generator, discriminator, offsets
        self.average, self.average_offsets = averaged(generator), averaged(offsets)
        self.data.resize(stage.resolution)
        self.target_loss.resize(stage.resolution)
        self.stage, self.entered = number, [self.batches, self.images]

    def on_train_start(self) -> None:
        """Start the clock, now that all processes have the same linear model."""
        self.plan.start()
        self.data.start()

    def training_step(self, batch: int, batch_idx: int) -> None:
        """Enter the stage and set the rates of this moment, then train on one batch."""
        self.advance()
        self.train_batch()

    def train_batch(self) -> None:
        """Train both sides on one batch of the stage: g_main, d_main, d_r1, then the averages follow."""
        stage, penalty, augment = self.config.anchored.stages[self.stage], self.config.penalty, self.config.augment
        generator_optimizer, discriminator_optimizer = self.optimizers(use_pl_optimizer=False)
        number, samples = self.batches, self.data.samples(stage.batch_size // self.config.trainer.processes)
        self.discriminators_require_grad(False)
        if number - self.entered[0] >= stage.warm_up:
            fakes, metrics = self.g_main(generator_optimizer, samples)
        else:
            with torch.no_grad():
                fakes, metrics = self.generate(samples), {}
        self.discriminators_require_grad(True)
        reals = self.data.reals(len(fakes))
        metrics |= self.d_main(discriminator_optimizer, reals, fakes)
        if penalty.r1_every and number % penalty.r1_every == 0:
            metrics |= self.d_r1(discriminator_optimizer, reals)
        if augment.enabled and number % augment.every == augment.every - 1:
            self.augment.adapt()
        self.finite.end_batch()
        self.follow(stage.batch_size)
        self.batches, self.images = number + 1, self.images + stage.batch_size
        self.metrics = metrics | {"augment_probability": self.augment.probability, "skipped": self.finite.skipped}

    def advance(self) -> None:
        """Enter the next stage when it is time, set the learning rates, and end the run after its minutes."""
        self.plan.look(self.batches, self.device)
        if self.plan.stage(self.batches) > self.stage:
            self.enter(self.stage + 1)
            self.trainer.optimizers = self.configure_optimizers()
        factor = self.plan.factor(self.batches)
        for optimizer in self.optimizers(use_pl_optimizer=False):
            for group in optimizer.param_groups:
                group["lr"] = group["full_lr"] * factor
        self.trainer.should_stop |= self.plan.done(self.batches) >= 1

    def g_main(self, optimizer: Any, samples: Samples) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator learns from targets, from the linear model, and to convince both discriminators."""
        fakes, weight = self.generate(samples), self.config.anchored.weights
        augmented, half = self.augmented(fakes), len(samples.targets)
        plain = samples.option[half:] == len(OPTIONS)
        losses = {
            "whole": (1.0, generator_loss(self.discriminator(augmented, self.reduced))),
            "patch": (
                self.config.patch.weight,
                generator_loss(self.patch_discriminator(self.patches(augmented), self.reduced)),
            ),
            **self.target_loss(fakes[:half], samples.targets, self.discriminator, self.reduced),
            "anchor": (weight.anchor, self.anchor_loss(fakes[half:], samples.coefficients, plain)),
            "offsets": (weight.offsets, self.offsets.offsets.square().mean()),
        }
        take_step(optimizer, [sum(w * value for w, value in losses.values())], self.manual_backward, self.finite)
        return fakes.detach(), {f"generator/{name}": value for name, (_, value) in losses.items()}

    def d_main(self, optimizer: Any, reals: Tensor, fakes: Tensor) -> dict[str, Tensor]:
        """The discriminators learn to tell real textures from fakes."""
        images = self.augmented(torch.cat((reals, fakes)))
        real, fake = self.discriminator(images, self.reduced, parts=2).chunk(2)
        whole = discriminator_loss(real, fake)
        patch = discriminator_loss(*self.patch_discriminator(self.patches(images), self.reduced).chunk(2))
        take_step(optimizer, [whole + patch], self.manual_backward, self.finite)
        self.augment.observe(distributed.joined(real.detach()))
        return {"discriminator/whole": whole, "discriminator/patch": patch, "real": real.mean(), "fake": fake.mean()}

    def d_r1(self, optimizer: Any, reals: Tensor) -> dict[str, Tensor]:
        """The discriminators learn to be flat around real textures as they get them: augmented."""
        config = self.config.penalty
        reals = self.augmented(reals[: max(1, round(len(reals) * config.share))])
        patches = self.patches(reals).requires_grad_()
        reals.requires_grad_()
        whole = r1_penalty(self.discriminator(reals, self.penalty_reduced), reals)
        patch = r1_penalty(self.patch_discriminator(patches, self.penalty_reduced), patches)
        loss = (config.r1 * whole + config.patch_r1 * patch) / 2 * config.r1_every
        take_step(optimizer, [loss], self.manual_backward, self.finite)
        return {"penalty/r1": whole, "penalty/patch_r1": patch}

    def generate(self, samples: Samples) -> Tensor:
        """Textures [2H, 3, R, R] of samples, about [-1, 1]."""
        w_plus = self.generator.mapping(samples.z)
        with torch.no_grad():
            approach(self.generator.mapping.w_avg, w_plus[:, 0].mean(0), W_AVERAGE_DECAY)
        return self.generator.synthesis(w_plus + self.offsets(samples.option), "random", self.reduced)

    def anchor_loss(self, free: Tensor, coefficients: Tensor, plain: Tensor) -> Tensor:
        """Absolute difference of free samples [H, 3, R, R] from the linear model, of those without an offset."""
        wanted = self.linear.textures(coefficients)
        return ((reduced(free, wanted.shape[-1]) - wanted).abs().mean((1, 2, 3)) * plain).mean()

    def follow(self, count: int) -> None:
        """Let the averages follow after a batch of `count`."""
        average = self.config.average
        half_life = half_life_now(average.half_life, average.ramp_up, self.images - self.entered[1])
        for own, source in ((self.average, self.generator), (self.average_offsets, self.offsets)):
            follow(own, source, count, half_life)

    def discriminators_require_grad(self, require: bool) -> None:
        """Whether a backward pass reaches the discriminators' parameters: not while the generator learns."""
        for discriminator in (self.discriminator, self.patch_discriminator):
            discriminator.requires_grad_(require)

    def augmented(self, images: Tensor) -> Tensor:
        """Give textures as discriminators get them."""
        return self.augment(images) if self.config.augment.enabled else images.clone()

    def patches(self, images: Tensor) -> Tensor:
        """Cut random patches."""
        patch = self.config.patch
        return random_patches(images, patch.size, patch.stride, patch.count)

    def train_dataloader(self) -> Iterable[int]:
        """Numbers of the batches that are left."""
        return itertools.islice(itertools.count(self.batches), max(0, self.config.trainer.steps - self.batches))

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam for each side; mapping network and offsets learn at rates of their own."""
        rate, recipe, every = self.config.learning_rate, self.config.anchored, self.config.penalty.r1_every
        groups = [
            {"params": list(self.generator.mapping.parameters()), "lr": rate * recipe.mapping_rate},
            {"params": list(self.generator.synthesis.parameters())},
            {"params": list(self.offsets.parameters()), "lr": rate * recipe.painted.rate},
        ]
        discriminators = [*self.discriminator.parameters(), *self.patch_discriminator.parameters()]
        optimizers = [lazy_adam(groups, rate, 0), lazy_adam([{"params": discriminators}], rate, every)]
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["full_lr"] = group["lr"]
        return optimizers

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is counted."""
        checkpoint |= {name: getattr(self, name) for name in COUNTS} | {"seconds": self.plan.seconds}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Enter the checkpoint's stage; refuse one of other networks."""
        while self.stage < checkpoint["stage"]:
            self.enter(self.stage + 1)
        weights.check_keys(self.state_dict(), checkpoint["state_dict"], "checkpoint")
        for name in COUNTS:
            setattr(self, name, checkpoint[name])
        self.plan.seconds = checkpoint["seconds"]
        checkpoint.pop("loops", None)  # batches are counted here, see TextureGAN
