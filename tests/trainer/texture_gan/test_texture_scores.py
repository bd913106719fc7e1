"""Scores of textures: the views, the callback, and that training does not notice."""

import csv

import pytest
import torch
from pytorch_lightning.loggers import CSVLogger
from tiny_gan import SIZE, run, tiny_batch, tiny_config, tiny_gan, tiny_head

from trainer.texture_gan.config import MetricsConfig
from trainer.texture_gan.scores import Scorer, Scores


class Pixels(torch.nn.Module):
    """Features that anyone can check: a coarse image."""

    num_features = 12
    title = "pixels"

    def forward(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


@pytest.fixture(scope="module")
def head_and_renderer(tiny_files):
    return tiny_head(tiny_files)


def faces(head_and_renderer, batches: int = 5):
    return [tiny_batch(*head_and_renderer, number) for number in range(batches)]


def test_the_real_textures_score_better_than_others(head_and_renderer):
    scorer = Scorer(Pixels(), *head_and_renderer, faces(head_and_renderer), count=18)
    assert sum(len(views.camera) for views in scorer.views) == 18

    def random(count, generator):  # as tiny_batch makes them
        return torch.rand(count, 3, 8, 8, generator=generator) * 2 - 1

    near = scorer.score(random, SIZE)
    assert scorer.score(random, SIZE) == near
    far = scorer.score(lambda count, generator: torch.full((count, 3, 8, 8), -1.0), SIZE)
    assert near["fid"] < far["fid"] / 5 and near["kid"] < far["kid"] / 5


def test_scores_are_logged_and_leave_training_alone(head_and_renderer, tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.texture_gan.scores.load_features", lambda network: Pixels())
    plain, scored = (tiny_gan(*head_and_renderer, tiny_config()) for _ in range(2))
    run(plain, tmp_path, steps=3)
    scores = Scores(MetricsConfig(every=2, count=8))
    run(scored, tmp_path, steps=3, callbacks=[scores], logger=CSVLogger(tmp_path, name="", version=""))
    with open(tmp_path / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "3"]
    assert float(rows[0]["fid/efficientnet"]) > 0 and rows[1]["kid/efficientnet"]
    for name, value in plain.state_dict().items():
        assert torch.equal(value, scored.state_dict()[name]), name
