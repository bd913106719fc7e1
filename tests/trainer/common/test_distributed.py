"""Two processes train as one: the same gradients, the same networks, their own random numbers, an exact resume."""

from pathlib import Path

import launcher
import pytest
import torch
from tiny_gan import SIZE, optimizers, run, tiny_batch, tiny_config, tiny_encoder, tiny_gan, tiny_head

from trainer.common import distributed
from trainer.common.callbacks import Checkpoint
from trainer.common.config import TrainerConfig
from trainer.texture_gan.config import AugmentConfig, DiscriminatorConfig, PatchConfig, PenaltyConfig, StatisticsConfig
from trainer.texture_gan.results import Report

PROCESSES = 2


def steady_config(devices: int, statistics: StatisticsConfig):
    """No random numbers in any phase: no augmentation, no style mixing, and one patch, the full image.

    The generator's noise is as good as none: its strength starts from zero.
    """
    return tiny_config(
        discriminator=DiscriminatorConfig(128, 8, group=2),
        patch=PatchConfig(SIZE, 8, 1, 1.0, 64, 8),
        augment=AugmentConfig(enabled=False),
        penalty=PenaltyConfig(share=1.0),
        trainer=TrainerConfig(devices=devices),
        style_mixing=0.0,
        statistics=statistics,
        learning_rate=1e-7,  # steps of Adam are as large for a rounding error as for a gradient
    )


def statistics_of(folder, batches: int = 1) -> StatisticsConfig:
    return StatisticsConfig(1.0, batches, ["layer2"], tiny_encoder(folder))


def gradients(files, folder, process: int, devices: int) -> list[torch.Tensor]:
    """Gradients of all phases on this process's part of one batch."""
    head, renderer = tiny_head(files)
    module = tiny_gan(head, renderer, steady_config(devices, statistics_of(folder)))
    # The images of one group (see minibatch_deviation) are two apart in the batch: every second one goes together.
    mine = slice(process, None, devices)
    views, z = tiny_batch(head, renderer, 0).select(mine), torch.randn(4, 8, generator=torch.manual_seed(2))[mine]
    module.random_codes = lambda count: module.generator.mapping(z[:count])
    module.path_noise = lambda image: torch.randn(4, 3, SIZE, SIZE, generator=torch.manual_seed(3))[mine] / SIZE
    generator, discriminator = optimizers(module)
    module.discriminators_require_grad(False)
    fakes, _ = module.g_main(generator, views)
    found = kept(module.generator)
    module.g_path(generator, views)
    found += kept(module.generator)
    module.discriminators_require_grad(True)
    for phase, images in ((module.d_main, (views.image, fakes)), (module.d_r1, (views.image,))):
        phase(discriminator, *images)
        found += kept(module.discriminator) + kept(module.patch_discriminator)
    return found


def kept(network) -> list[torch.Tensor]:
    """Gradients, but for those of the noise's strength, which are random."""
    named = network.named_parameters()
    return [p.grad.clone() for name, p in named if p.grad is not None and not name.endswith("noise_strength")]


def work(process: int, *places: str) -> None:
    """One of the two processes."""
    torch.set_num_threads(1)
    files, folder = map(Path, places)
    head, renderer = tiny_head(files)
    own = folder / f"process_{process}"

    def module():
        trainer = TrainerConfig(devices=PROCESSES, log_every=1, threads=1)
        config = tiny_config(trainer=trainer, statistics=statistics_of(own, 2))
        made = tiny_gan(head, renderer, config, first=100 * process)
        for parameter in made.parameters():  # the first process's networks count
            parameter.data.add_(process)
        return made

    straight, first, resumed = module(), module(), module()
    options = {"strategy": distributed.SharedGradients()}
    run(straight, folder, 3, callbacks=[Report(1, folder)], **options)
    logged = {name: value.item() for name, value in straight.metrics.items()}
    numbers = torch.rand(4)
    checkpoint = Checkpoint(folder, every=0)
    run(first, folder, 2, callbacks=[checkpoint], **{"strategy": distributed.SharedGradients()})
    run(resumed, folder, 3, str(checkpoint.path), strategy=distributed.SharedGradients())
    found = {"straight": straight.state_dict(), "resumed": resumed.state_dict(), "numbers": numbers, "logged": logged}
    torch.save(found | {"gradients": gradients(files, own, process, PROCESSES)}, folder / f"{process}.pt")


@pytest.fixture(scope="module")
def found(tiny_files, tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp("processes")
    launcher.pair(__file__, "work", tiny_files, folder)
    return [torch.load(folder / f"{process}.pt", weights_only=True) for process in range(PROCESSES)]


def test_both_have_the_same_networks_and_their_own_numbers(found):
    first, second = found
    for name, value in first["straight"].items():
        assert torch.equal(value, second["straight"][name]), name
    assert not torch.equal(first["numbers"], second["numbers"])
    assert first["logged"]["real"] != second["logged"]["real"]  # each on its own faces
    assert first["straight"]["finite.skipped"] == 0


def test_a_resumed_pair_goes_on_exactly(found):
    for one in found:
        for name, value in one["straight"].items():
            assert torch.equal(value, one["resumed"][name]), name


def test_gradients_are_those_of_the_whole_batch(found, tiny_files, tmp_path):
    whole = gradients(tiny_files, tmp_path, 0, 1)
    for one in found:
        assert len(one["gradients"]) == len(whole)
        for got, wanted in zip(one["gradients"], whole, strict=True):
            torch.testing.assert_close(got, wanted, atol=1e-6 + 1e-3 * wanted.abs().max().item(), rtol=0)
