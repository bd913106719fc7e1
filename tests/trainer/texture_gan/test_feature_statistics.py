"""Drawn faces compared as a crowd with photographs, in the features of a tiny convolutional encoder."""

import pytest
import torch
from tiny_gan import SIZE, optimizers, run, tiny_batch, tiny_config, tiny_encoder, tiny_gan, tiny_head

from clipface.guidance import load_encoder
from clipface.texture.losses import frechet_distance
from trainer.common.callbacks import Checkpoint
from trainer.texture_gan.config import StatisticsConfig
from trainer.texture_gan.extra_losses import LENGTH, FeatureStatistics

BATCHES, COUNT = 3, 8


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    encoder = tiny_encoder(tmp_path_factory.mktemp("encoder"))
    return StatisticsConfig(weight=1.0, batches=BATCHES, layers=["layer2"], encoder=encoder)


@pytest.fixture(scope="module")
def head_and_renderer(tiny_files):
    return tiny_head(tiny_files)


@pytest.fixture
def random():
    return torch.Generator().manual_seed(0)


def images(random, count: int = COUNT):
    """Coarse random colours [count, 3, SIZE, SIZE] in [-1, 1]."""
    coarse = torch.rand(count, 3, 4, 4, generator=random) * 1.2 - 0.6
    return torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bilinear")


@torch.no_grad()
def plain_distance(config, drawn, real) -> float:
    """All images at once; the encoder wants them in -1..1, as they are."""
    encoder, total = load_encoder(config.encoder), 0.0
    visual = encoder.model.visual
    for features in (
        lambda shown: encoder.encode_image(shown / 2 + 0.5) * LENGTH,
        lambda shown: visual.layer2(visual.layer1(visual.stem(shown))).mean((2, 3)),
    ):
        total += frechet_distance(features(drawn), features(real), *(torch.ones(len(p)) for p in (drawn, real))).item()
    return total


def test_distance_is_that_of_the_latest_pictures_that_are_counted(config, random):
    statistics, seen = FeatureStatistics(config, COUNT), []
    for number in range(2 * BATCHES):
        counted = torch.arange(COUNT) % (number % 2 + 2) != 0
        seen.append([images(random), images(random) * 0.7, counted])
        distance = statistics(*seen[-1][:2], counted.float(), number)
        if number + 1 < BATCHES:
            assert distance == 0
            continue
        real, drawn = (torch.cat([batch[kind][batch[2]] for batch in seen[-BATCHES:]]) for kind in (0, 1))
        assert distance.item() == pytest.approx(plain_distance(config, drawn, real), rel=1e-4)


def test_gradient_goes_to_counted_pictures_as_if_all_were_in_the_batch(config, random):
    real, drawn = images(random), images(random).requires_grad_()
    counted = (torch.arange(COUNT) < COUNT - 2).float()
    gradients = []
    for batches in (1, BATCHES):
        statistics = FeatureStatistics(StatisticsConfig(1.0, batches, config.layers, config.encoder), COUNT)
        for number in range(batches):  # the same ones again and again: the moments of one batch
            distance = statistics(real, drawn, counted, number)
        gradients += torch.autograd.grad(distance, drawn)
    felt = gradients[0].abs().amax((1, 2, 3))
    assert (felt[:-2] > 0).all() and (felt[-2:] == 0).all()
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-3 * felt.max().item(), rtol=1e-3)


def test_steps_bring_the_crowds_together(config, random):
    statistics, offset = FeatureStatistics(config, COUNT), torch.zeros(3, 1, 1, requires_grad=True)
    tint, distances = torch.tensor([-0.3, 0.0, 0.3]).view(3, 1, 1), []
    optimizer = torch.optim.Adam([offset], 0.03)
    for number in range(40):
        distance = statistics(images(random), images(random) + tint + offset, torch.ones(COUNT), number)
        if number + 1 < BATCHES:
            continue
        distances.append(distance.item())
        optimizer.zero_grad()
        distance.backward()
        optimizer.step()
    assert sum(distances[-5:]) < 0.7 * sum(distances[:5])
    assert (offset + tint).abs().max() < 0.15


def test_the_generator_feels_its_weight_and_who_is_photographed(config, head_and_renderer):
    gan = tiny_gan(*head_and_renderer, tiny_config(statistics=config))
    optimizer = optimizers(gan)[0]
    optimizer.param_groups[0]["lr"] = 0.0
    gan.discriminators_require_grad(False)
    views = tiny_batch(*head_and_renderer, 0)
    photographed = torch.tensor([1.0, 0.0, 1.0, 1.0])
    for number, known in enumerate((None, photographed)):
        gan.batches = number
        gan.g_main(optimizer, views._replace(photographed=known))
    assert gan.statistics.counted[:2].tolist() == [[1.0] * 4, photographed.tolist()]
    gan.batches, gradients = BATCHES - 1, []
    for weight in (0.0, 1.0, 2.0):
        torch.manual_seed(0)
        gan.config.statistics.weight = weight
        _, metrics = gan.g_main(optimizer, views)
        gradients.append(torch.cat([p.grad.flatten() for p in gan.generator.parameters() if p.grad is not None]))
    gan.config.statistics.weight = 1.0
    assert metrics["generator/statistics"] > 0
    none, once, twice = gradients
    assert (once - none).norm() > 1e-3 * none.norm()
    assert (twice - none - 2 * (once - none)).norm() < 1e-3 * (twice - none).norm()


def test_a_run_goes_on_with_the_pictures_it_compared(config, head_and_renderer, tmp_path):
    make = lambda: tiny_gan(*head_and_renderer, tiny_config(statistics=config))  # noqa: E731
    straight, first, resumed = make(), make(), make()
    run(straight, tmp_path / "whole", steps=5)
    run(first, tmp_path / "parts", steps=3, callbacks=[Checkpoint(tmp_path / "parts", every=0)])
    run(resumed, tmp_path / "parts", steps=5, resume=str(tmp_path / "parts" / "last.ckpt"))
    assert straight.metrics["generator/statistics"] > 0
    assert torch.equal(resumed.metrics["generator/statistics"], straight.metrics["generator/statistics"])
    for name, value in straight.generator.state_dict().items():
        assert torch.equal(resumed.generator.state_dict()[name], value), name
