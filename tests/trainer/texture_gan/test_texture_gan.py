"""The texture generator's trainer, on tiny networks and a tiny head."""

import csv
import signal

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from tiny_gan import SIZE, optimizers, run, tiny_config, tiny_gan, tiny_head

from clipface import weights
from clipface.texture.generator import TextureGenerator
from trainer.common.callbacks import Checkpoint
from trainer.texture_gan.config import AugmentConfig, RobustConfig
from trainer.texture_gan.results import Report, read_networks, write_networks, write_results
from trainer.texture_gan.steps import SkipNonfinite, averaged, follow, half_life_now


@pytest.fixture(scope="module")
def head_and_renderer(tiny_files):
    return tiny_head(tiny_files)


@pytest.fixture
def make(head_and_renderer):
    return lambda config=None: tiny_gan(*head_and_renderer, config or tiny_config())


def copies(network):
    return [parameter.detach().clone() for parameter in network.parameters()]


def changed(network, before) -> bool:
    return any(not torch.equal(new, old) for new, old in zip(network.parameters(), before, strict=True))


def test_augmentation_begins_with_a_given_probability_and_a_resumed_run_with_its_own(make, tmp_path):
    config = tiny_config(augment=AugmentConfig(begin=0.5, images=100, every=2))
    module = make(config)
    assert module.augment.probability == 0.5 and make().augment.probability == 0
    run(module, tmp_path, steps=2, callbacks=[Checkpoint(tmp_path, every=0)])
    reached = module.augment.probability.clone()
    assert reached != 0.5
    resumed = make(config)
    run(resumed, tmp_path, steps=2, resume=str(tmp_path / "last.ckpt"))
    assert resumed.augment.probability == reached


@pytest.mark.parametrize("phase", ["g_main", "g_path", "d_main", "d_r1"])
def test_a_phase_moves_its_own_side_only(make, phase):
    module = make()
    views = next(iter(module.faces(0)))
    generator_optimizer, discriminator_optimizer = optimizers(module)
    sides = module.generator, module.discriminator, module.patch_discriminator
    before = [copies(side) for side in sides]
    if phase.startswith("g"):
        module.discriminators_require_grad(False)
        getattr(module, phase)(generator_optimizer, views)
    else:
        fakes = (torch.rand_like(views.image),) if phase == "d_main" else ()
        getattr(module, phase)(discriminator_optimizer, views.image, *fakes)
    wanted = [True, False, False] if phase.startswith("g") else [False, True, True]
    assert [changed(side, old) for side, old in zip(sides, before, strict=True)] == wanted


def test_steps_lower_each_side_s_loss_on_a_fixed_batch(make):
    module = make(tiny_config(learning_rate=1e-3, style_mixing=0.0))
    module.config.augment.enabled = False
    views = next(iter(module.faces(0)))
    generator_optimizer, discriminator_optimizer = optimizers(module)

    def loss():
        torch.manual_seed(3)
        return module.g_main(generator_optimizer, views)[1]["generator/whole"].item()

    module.discriminators_require_grad(False)
    losses = [loss() for _ in range(4)]
    assert losses[-1] < losses[0] - 1e-3
    module.discriminators_require_grad(True)
    fakes = module.render(module.generator(torch.randn(4, 8)), views).detach()
    found = [module.d_main(discriminator_optimizer, views.image, fakes)["discriminator/whole"].item() for _ in range(4)]
    assert found[-1] < found[0] - 1e-3


def test_fakes_wear_the_masks_of_their_heads(make):
    module = make()
    views = next(iter(module.faces(0)))
    mask = views.mask.clone()
    mask[:, :, :, : SIZE // 2] = 0
    drawn = module.render(torch.zeros(4, 3, 16, 16), views._replace(mask=mask))
    assert (drawn[..., : SIZE // 2] == 1).all() and drawn[..., SIZE // 2 :].min() == 0


def test_resume_continues_exactly(make, tmp_path):
    straight = make()
    run(straight, tmp_path, steps=4)
    first = make()
    (tmp_path / "half").mkdir()
    run(first, tmp_path, steps=2, callbacks=[Checkpoint(tmp_path / "half", every=0)])
    resumed = make()
    run(resumed, tmp_path, steps=4, resume=str(tmp_path / "half" / "last.ckpt"))
    assert resumed.batches == straight.batches == 4
    wanted, given = straight.state_dict(), resumed.state_dict()
    for name, value in wanted.items():
        assert torch.equal(given[name], value), name


@pytest.mark.parametrize("end", ["killed", "told to stop"])
def test_a_run_that_was_cut_off_goes_on_exactly(make, tmp_path, end):
    straight, cut, resumed = make(), make(), make()
    run(straight, tmp_path, steps=6)
    checkpoint = Checkpoint(tmp_path, every=2)
    if end == "killed":  # in batch 3, after the generator's step: nothing of that batch may survive
        with pytest.raises(InterruptedError):
            whole = type(cut).d_main
            cut.d_main = lambda *arguments: _die() if cut.batches == 3 else whole(cut, *arguments)
            run(cut, tmp_path, steps=6, callbacks=[checkpoint])
    else:
        stop = pl.callbacks.LambdaCallback(on_train_batch_start=lambda t, m, b, n: n == 2 and _press_ctrl_c())
        run(cut, tmp_path, steps=6, callbacks=[stop, checkpoint])
        assert cut.batches == 3
    run(resumed, tmp_path, steps=6, resume=str(checkpoint.path))
    given = resumed.state_dict()
    for name, value in straight.state_dict().items():
        assert torch.equal(given[name], value), name


def _die():
    raise InterruptedError


def _press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


def test_checkpoint_holds_what_was_trained_and_no_frozen_part(make, tmp_path):
    module = make()
    run(module, tmp_path, steps=1, callbacks=[Checkpoint(tmp_path, every=1)])
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    parts = {name.split(".")[0] for name in checkpoint["state_dict"]}
    networks = {"generator", "average", "discriminator", "patch_discriminator"}
    assert parts == networks | {"augment", "finite", "path_mean"}
    assert len(checkpoint["optimizer_states"]) == 2 and checkpoint["batches"] == 1
    checkpoint["state_dict"].pop("path_mean")
    with pytest.raises(ValueError, match="path_mean"):
        make().on_load_checkpoint(checkpoint)


def test_snapshots_and_report(make, tmp_path):
    module = make()
    logger = CSVLogger(tmp_path, name="", version="")
    run(module, tmp_path, steps=3, callbacks=[Report(1, tmp_path, snapshot_every=2)], logger=logger)
    assert set(write_results(module, tmp_path, {})) == set(module.metrics)
    with open(tmp_path / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2", "3"] and float(rows[2]["images_per_second"]) > 0
    names = sorted(path.stem for path in (tmp_path / "images").iterdir())
    assert names == ["0000002", "0000002_between", "0000003", "0000003_between"]
    exported = TextureGenerator.from_weights(tmp_path / "generator.safetensors")
    z = torch.randn(2, 8)
    with torch.no_grad():
        torch.testing.assert_close(exported(z), module.average(z), atol=0.05, rtol=0.02)
    _, config = weights.load(tmp_path / "discriminators.safetensors")
    assert config["patch"]["resolution"] == 16


def test_a_run_can_begin_with_the_networks_of_another(make, tmp_path):
    first, second = make(), make()
    for parameter in (*first.average.parameters(), *first.patch_discriminator.parameters()):
        torch.nn.init.normal_(parameter)
    write_networks(first, tmp_path)
    read_networks(tmp_path, second)
    pairs = ((second.generator, first.average), (second.patch_discriminator, first.patch_discriminator))
    for got, wanted in pairs:
        for a, b in zip(got.parameters(), wanted.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-2, rtol=1e-3)  # float16
    (tmp_path / "discriminators.safetensors").unlink()
    third = make()
    before = [parameter.clone() for parameter in third.discriminator.parameters()]
    read_networks(tmp_path, third)
    assert all(torch.equal(a, b) for a, b in zip(before, third.discriminator.parameters(), strict=True))
    (tmp_path / "generator.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="generator"):
        read_networks(tmp_path, third)


def degrade(module, broken) -> None:
    """Make the images of some batches NaN."""
    faces = module.faces
    module.faces = lambda start: (
        batch._replace(image=batch.image * torch.nan) if number in broken else batch
        for number, batch in enumerate(faces(start), start)
    )


def test_a_broken_step_is_left_out_and_counted(make, tmp_path):
    module = make()
    degrade(module, {1})
    before = {}
    watch = pl.callbacks.LambdaCallback(
        on_train_batch_start=lambda *_: before.update(weights=copies(module.discriminator))
    )
    run(module, tmp_path, steps=2, callbacks=[watch, Report(1, tmp_path)])
    assert module.finite.skipped.item() == 1 and module.finite.in_a_row.item() == 1
    assert all(value.isfinite().all() for value in module.state_dict().values())
    assert not changed(module.discriminator, before["weights"])
    sides = module.optimizers(use_pl_optimizer=False)
    assert all(part.isfinite().all() for side in sides for state in side.state.values() for part in state.values())
    first = module.generator.synthesis.const, module.discriminator.from_rgb.weight
    # g_main, g_path, g_main; d_main and d_r1 of the first batch.
    assert [side.state[own]["step"].item() for side, own in zip(sides, first, strict=True)] == [3, 2]


def test_a_run_that_stays_broken_is_stopped(make, tmp_path):
    module = make(tiny_config(robust=RobustConfig(in_a_row=3)))
    degrade(module, set(range(2, 20)))
    with pytest.raises(RuntimeError, match="3 batches in a row up to batch 5"):
        run(module, tmp_path, steps=9, callbacks=[Report(1, tmp_path)])
    rare = SkipNonfinite(in_a_row=20, share=0.05)
    for number in range(400):  # every eighth batch
        rare.broken.fill_(number % 8 == 0)
        rare.end_batch()
    with pytest.raises(RuntimeError, match="learning_rate"):
        rare.check(400)


def test_average_follows_with_its_half_life():
    network = torch.nn.Linear(2, 2)
    average = averaged(network)
    start = average.weight.clone()
    network.weight.data.add_(1)
    follow(average, network, batch_size=8, half_life=8)
    torch.testing.assert_close(average.weight, start + 0.5)
    assert half_life_now(1000, 0.05, 2000) == 100 and half_life_now(1000, 0.05, 10**6) == 1000
    assert half_life_now(1000, 0, 0) == 1000


def test_reduced_precision_trains(make, tmp_path):
    config = tiny_config()
    config.trainer.precision = "bf16-mixed"
    module = make(config)
    before = copies(module.generator)
    trainer = pl.Trainer(
        max_epochs=1, limit_train_batches=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module)
    assert module.reduced is torch.bfloat16 and changed(module.generator, before)
