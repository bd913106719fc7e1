"""The stopping rule, on curves made for it and on a tiny run."""

import math
from dataclasses import replace

import pytest
import torch

from trainer.common.config import PlateauConfig, TrainerConfig
from trainer.common.mapper_training import RateSchedule
from trainer.common.run import fit
from trainer.mapper.config import LearningRates, MapperConfig, PromptConfig
from trainer.mapper.train import build


def train_on(curve, plateau: PlateauConfig, steps: int = 400, every: int = 5, noise: float = 0.0, **more) -> dict:
    """Where the plateau was seen and where the run ended."""
    schedule, random = RateSchedule(plateau, steps, every=every, **more), torch.Generator().manual_seed(0)
    factors = []
    for step in range(steps):
        factors.append(schedule.factor(step))
        loss = curve(step) + noise * torch.randn((), generator=random)
        schedule.add(torch.as_tensor(loss), step)
        if plateau.window and schedule.fallen(step + 1) >= 1:
            break
    return {"seen": schedule.falls_from, "end": step + 1, "factors": factors}


RULE = PlateauConfig(window=30, least=0.01, decay=40)


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("time_constant", [15, 30, 45])
def test_an_exponential_fall_is_left_when_little_is_to_come(time_constant, noise):
    run = train_on(lambda step: 0.3 + 0.7 * math.exp(-step / time_constant), RULE, noise=noise)
    begin = run["seen"][0]
    assert 60 <= begin < 9 * time_constant + 60
    assert 0.7 * math.exp(-begin / time_constant) < 0.03  # of the loss that is still above its limit
    assert run["end"] == begin + RULE.decay
    assert run["factors"][begin - 1] == 1 and run["factors"][begin + 20] == pytest.approx(0.5)
    assert run["factors"][-1] < 0.01


def test_a_loss_that_goes_on_falling_uses_every_step():
    run = train_on(lambda step: 1 - step / 400, RULE)
    assert run["end"] == 400 and run["seen"][0] == 360 and run["factors"][-1] < 0.01


def test_a_flat_loss_ends_after_two_windows_and_the_decay():
    assert train_on(lambda step: 1.0, RULE)["end"] == 100
    assert train_on(lambda step: 1.0, replace(RULE, decay=0))["end"] <= 61
    assert train_on(lambda step: 1.0, RULE, decay=False)["end"] <= 61


def test_without_a_plateau_the_rates_fall_from_the_start():
    run = train_on(lambda step: 1.0, PlateauConfig(), steps=100)
    assert run["end"] == 100
    assert run["factors"] == pytest.approx([0.5 + 0.5 * math.cos(math.pi * step / 100) for step in range(100)])


def test_a_slow_machine_gets_to_the_end_of_the_decay_too(monkeypatch):
    for plateau in (PlateauConfig(), RULE):
        clock = [0.0]
        monkeypatch.setattr("trainer.common.mapper_training.time.monotonic", lambda clock=clock: clock[0])
        schedule = RateSchedule(plateau, 400, minutes=1)
        schedule.on_train_start(None, None)
        factors = []
        for step in range(60):
            clock[0] = float(step)
            factors.append(schedule.factor(step))
        assert factors[0] == 1 and factors[-1] < 0.15 and sorted(factors, reverse=True) == factors


def test_what_was_seen_goes_on_after_a_stop():
    def curve(step: int) -> torch.Tensor:
        return torch.tensor(0.3 + 0.7 * math.exp(-step / 20))

    whole, first = RateSchedule(RULE, 400, every=5), RateSchedule(RULE, 400, every=5)
    for step in range(83):
        whole.add(curve(step), step), first.add(curve(step), step)
    second = RateSchedule(RULE, 400, every=5)
    second.load_state_dict(first.state_dict())
    for step in range(83, 300):
        whole.add(curve(step), step), second.add(curve(step), step)
        assert whole.factor(step + 1) == second.factor(step + 1)
    assert whole.falls_from[0] == second.falls_from[0] < 300


def test_a_run_ends_by_itself_and_measures_the_validation_faces(tiny_files, monkeypatch, tmp_path):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    config = MapperConfig(
        batch_size=1, views=1, image_size=32, validation=1, cache=2,
        prompt=PromptConfig("zombie", "a photo of a zombie"),
        learning_rate=LearningRates(0.0, 0.0, decay=True), plateau=PlateauConfig(window=4, decay=3),
        trainer=TrainerConfig(steps=50, log_every=2),
    )  # fmt: skip
    module = build(config)
    run = fit(
        module, range(50), config=config.trainer, folder=tmp_path, seed=0, callbacks=[module.schedule],
        validation=range(1),
    )  # fmt: skip
    assert run.global_step == 8 + 3 and module.evaluation is not None
    assert sorted(module.data.kept) == [0, 1]
