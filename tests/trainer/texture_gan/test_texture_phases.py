"""Each phase of a training step against its formula, written out plainly."""

import pytest
import torch
from tiny_gan import SIZE, optimizers, tiny_batch, tiny_config, tiny_gan, tiny_head

from trainer.texture_gan.config import (
    AugmentConfig,
    DiscriminatorConfig,
    PatchConfig,
    PenaltyConfig,
    StatisticsConfig,
)
from trainer.texture_gan.views import render_views

PENALTY = PenaltyConfig(r1=3.0, patch_r1=0.7, r1_every=5, path=2.0, path_every=4, share=0.5)


@pytest.fixture(scope="module")
def head_and_renderer(tiny_files):
    return tiny_head(tiny_files)


@pytest.fixture
def gan(head_and_renderer):
    """A module, its faces and its optimisers; one patch, the full image, and given codes."""
    config = tiny_config(
        discriminator=DiscriminatorConfig(128, 8, group=2),
        patch=PatchConfig(SIZE, 8, 1, 0.6, 64, 8),
        augment=AugmentConfig(enabled=False),
        penalty=PENALTY,
    )
    module = tiny_gan(*head_and_renderer, config)
    z = torch.randn(4, 8)
    module.random_codes = lambda count: module.generator.mapping(z[:count])
    return module, tiny_batch(*head_and_renderer, 0), optimizers(module)


def compare(parameters, loss) -> None:
    """The gradients that a phase left are those of a loss."""
    parameters = [p for p in parameters if p.grad is not None]
    # The noise's strength is zero, and its gradient random.
    wanted = torch.autograd.grad(loss, parameters, allow_unused=True)
    compared = 0
    for parameter, gradient in zip(parameters, wanted, strict=True):
        if parameter.shape != (1,):
            torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-3)
            compared += 1
    assert compared > 5


def keep_weights(optimizer) -> None:
    """Steps of nothing: the formula shall find the weights that the phase found."""
    for group in optimizer.param_groups:
        group["lr"] = 0.0


def logistic(x):
    return torch.log(1 + torch.exp(x))


def test_g_main(gan):
    module, views, (optimizer, _) = gan
    keep_weights(optimizer)
    module.discriminators_require_grad(False)
    fakes, metrics = module.g_main(optimizer, views)
    images = module.render(module.generator.synthesis(module.random_codes(4)), views)
    torch.testing.assert_close(fakes, images)
    whole = logistic(-module.discriminator(images)).mean()
    patch = logistic(-module.patch_discriminator(images)).mean()
    torch.testing.assert_close(metrics["generator/whole"], whole)
    compare(module.generator.parameters(), whole + 0.6 * patch)
    codes = module.random_codes(4)[:, 0].mean(0)
    torch.testing.assert_close(module.generator.mapping.w_avg, 0.005 * codes)


def test_g_path(gan, head_and_renderer):
    module, views, (optimizer, _) = gan
    keep_weights(optimizer)
    noise = torch.randn(2, 3, SIZE, SIZE) / SIZE
    module.path_noise = lambda image: noise
    module.path_mean.fill_(0.3)
    metrics = module.g_path(optimizer, views)

    def lengths(w_plus):  # straight through the renderer; the image is linear in the texture
        image = render_views(*head_and_renderer, module.generator.synthesis(w_plus), views.select(slice(2)), SIZE)
        (gradient,) = torch.autograd.grad((image * noise).sum(), w_plus)
        return gradient.square().sum(2).mean(1).sqrt()

    found = lengths(module.random_codes(2).detach().requires_grad_())
    mean = 0.99 * 0.3 + 0.01 * found.mean()
    torch.testing.assert_close(module.path_mean, mean)
    torch.testing.assert_close(metrics["penalty/path"], (found - mean).square().mean())
    # The same penalty with a graph: the renderer cannot be differentiated twice, but is linear in the texture.
    w_plus = module.random_codes(2)
    texture = module.generator.synthesis(w_plus)
    leaf = texture.detach().requires_grad_()
    image = render_views(*head_and_renderer, leaf, views.select(slice(2)), SIZE)
    (weights,) = torch.autograd.grad((image * noise).sum(), leaf)
    (gradient,) = torch.autograd.grad((texture * weights).sum(), w_plus, create_graph=True)
    again = gradient.square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(again, found)
    compare(module.generator.parameters(), (again - mean).square().mean() * 2.0 * 4)


def test_d_main(gan):
    module, views, (_, optimizer) = gan
    keep_weights(optimizer)
    fakes = torch.randn_like(views.image)
    metrics = module.d_main(optimizer, views.image, fakes)
    loss = 0
    for judge in (module.discriminator, module.patch_discriminator):
        loss = loss + logistic(-judge(views.image)).mean() + logistic(judge(fakes)).mean()
    torch.testing.assert_close(metrics["discriminator/whole"] + metrics["discriminator/patch"], loss)
    compare([*module.discriminator.parameters(), *module.patch_discriminator.parameters()], loss)
    assert module.augment.signs[1] == 4


def test_d_r1(gan):
    module, views, (_, optimizer) = gan
    keep_weights(optimizer)
    metrics = module.d_r1(optimizer, views.image)
    loss, found = 0, []
    for judge, weight in ((module.discriminator, 3.0), (module.patch_discriminator, 0.7)):
        images = views.image[:2].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(judge(images).sum(), images, create_graph=True)
        found.append(gradient.square().sum((1, 2, 3)).mean())
        loss = loss + weight / 2 * found[-1] * 5
    torch.testing.assert_close(metrics["penalty/r1"], found[0])
    torch.testing.assert_close(metrics["penalty/patch_r1"], found[1])
    compare([*module.discriminator.parameters(), *module.patch_discriminator.parameters()], loss)


@pytest.mark.parametrize("phase", ["g_main", "g_path", "d_main", "d_r1"])
def test_a_batch_in_parts_gives_the_gradients_of_the_full_batch(phase, head_and_renderer):
    """Whatever is random of a face goes with it: its code, and the noise that path lengths are found by."""
    count, z, noise = 8, torch.randn(8, 8), torch.randn(8, 3, SIZE, SIZE) / SIZE
    views, fakes = tiny_batch(*head_and_renderer, 0, count), torch.randn(count, 3, SIZE, SIZE)
    found = {}
    for parts in (1, 2):
        config = tiny_config(
            batch_size=count, parts=parts, discriminator=DiscriminatorConfig(128, 8, group=2),
            patch=PatchConfig(SIZE, 8, 1, 0.6, 64, 8), augment=AugmentConfig(enabled=False), penalty=PENALTY,
        )  # fmt: skip
        module, calls = tiny_gan(*head_and_renderer, config), {"codes": 0, "noise": 0}

        def rows(kind, size, calls=calls, parts=parts):
            calls[kind] += 1
            return slice(calls[kind] - 1, size * parts, parts)

        module.random_codes = lambda size, m=module, rows=rows: m.generator.mapping(z[rows("codes", size)])
        module.path_noise = lambda image, rows=rows: noise[rows("noise", len(image))]
        sides = optimizers(module)
        for side in sides:
            keep_weights(side)
        module.discriminators_require_grad(phase.startswith("d"))
        given = {"d_main": (views.image, fakes), "d_r1": (views.image,)}.get(phase, (views,))
        result = getattr(module, phase)(sides[phase.startswith("d")], *given)
        fake, metrics = result if phase == "g_main" else (None, result)
        named = module.named_parameters()
        gradients = {name: p.grad for name, p in named if p.grad is not None and p.shape != (1,)}
        found[parts] = gradients, metrics, fake, module.augment.signs[1]
        assert len(gradients) > 5 and max(calls.values()) in (0, parts)
    if phase != "g_path":
        torch.testing.assert_close(found[2], found[1], atol=1e-5, rtol=1e-3)
        return
    # The running mean that lengths are compared with moves after each part, by a hundredth of how far theirs is off.
    first, second = (torch.cat([gradient.flatten() for gradient in found[parts][0].values()]) for parts in (1, 2))
    assert (second - first).norm() < 0.02 * first.norm()


def test_parts_divide_the_batch():
    with pytest.raises(ValueError, match=r"parts: expected a divisor of the 4 images .* and of the 2 .* got 4"):
        tiny_config(parts=4)
    with pytest.raises(ValueError, match=r"statistics\.weight: expected 0 with parts"):
        tiny_config(parts=2, statistics=StatisticsConfig(1.0))


def test_lazy_penalties_slow_adam_down(gan):
    _, _, (generator, discriminator) = gan
    for optimizer, every in ((generator, 4), (discriminator, 5)):
        share, group = every / (every + 1), optimizer.param_groups[0]
        assert group["lr"] == pytest.approx(2.5e-3 * share)
        assert group["betas"] == pytest.approx((0.0, 0.99**share))


def test_reduced_penalties_are_close(gan):
    module, views, (_, optimizer) = gan
    keep_weights(optimizer)
    exact = module.d_r1(optimizer, views.image)["penalty/r1"]
    module.penalty_reduced = torch.bfloat16
    assert module.d_r1(optimizer, views.image)["penalty/r1"].item() == pytest.approx(exact.item(), rel=0.05)
