"""Training in the background: what is started, what comes back, and how it ends."""

import time

import pytest
import torch
from hydra import compose, initialize_config_module

import trainer.mapper.config  # noqa: F401  registers the schema
from clipface.edit.loading import read_mapper
from clipface.settings import quoted
from clipface.view.edits.library import Library
from clipface.view.edits.training import Training, TrainingJobs, checked_prompt, run_name, steps_in
from clipface.view.engine import Engine
from clipface.view.server.token_auth import new_name
from clipface.view.session.state import Edit, FaceState

SMOKE = ("experiment=smoke", "trainer.threads=1", "trainer.steps=6", "image_size=32", "validation=1")
SMOKE = (*SMOKE, "checkpoint_every=1")
PROMPT = "a photo of an old person"


@pytest.mark.parametrize(
    "words", ["a photo of a zombie", "it's", "a, b = c: {d} [e]", 'say "boo"', "back\\slash", "tick\\'", "end\\", "é ü"]
)
def test_any_words_reach_the_trainer(words):
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("mapper", overrides=[f"prompt.target={quoted(words)}"])
    assert config.prompt.target == words


@pytest.mark.parametrize("words", ["", "   ", "x" * 500, "a\x00b"])
def test_words_that_cannot_be_a_prompt_are_refused(words):
    with pytest.raises(ValueError, match="prompt: "):
        checked_prompt(words)


def test_a_run_is_named_like_those_of_the_command_line():
    assert run_name("A photo of an old man!").endswith("_mapper_a_photo_of_an_old_man")


@pytest.fixture
def environment(data, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(data))


def wait_for(condition, seconds=50.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.05)


def test_a_run_previews_and_leaves_its_mapper_a_failed_one_says_why_a_cancelled_one_leaves_nothing(
    environment, engine, tmp_path
):
    """Side by side, since each of them takes seconds to load."""
    place = TrainingJobs(Library(tmp_path / "runs", engine.avatar), SMOKE)
    training = place.start(PROMPT, None, owner="me")
    failing = Training(PROMPT, tmp_path / "failing", region="nostril", overrides=SMOKE)
    with pytest.raises(ValueError, match="train: one prompt at a time"):
        place.start("a clown", None, owner="you")
    with pytest.raises(ValueError, match="train: expected a training of this tab, got another tab's"):
        place.own("you").cancel()
    assert place.own("me") is training and training.running

    previews, steps = [], []

    def watched():
        place.update()
        previews.append(place.library.version(training.name))
        steps.append(training.progress())
        return not training.running

    wait_for(watched)
    assert steps == sorted(steps) and set(steps) <= {(0, 0), *((step, 6) for step in range(7))}, steps
    assert training.finished and training.error() == "" and training.progress() == (6, 6)
    assert max(previews) > 0, "a preview was seen while it was at work"
    place.update()
    mapper, notes = read_mapper(training.folder, engine.avatar)
    assert notes["prompt"]["target"] == PROMPT and place.library.find(PROMPT).name == training.name
    kept = place.library.mapper(training.name).state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in mapper.state_dict().items())

    wait_for(lambda: not failing.running)
    assert not failing.finished and failing.error().startswith("error: region: ") and "\n" not in failing.error()

    cancelled = Training(PROMPT, tmp_path / "cancelled", overrides=SMOKE)
    cancelled.cancel()
    assert not cancelled.running and cancelled.cancelled and not cancelled.folder.exists() and cancelled.error() == ""


def test_a_stopped_run_keeps_a_mapper_that_edits_and_one_stopped_too_early_says_so(environment, engine, tmp_path):
    jobs = TrainingJobs(Library(tmp_path / "runs", engine.avatar), (*SMOKE, "trainer.steps=5000"))
    training = jobs.start(PROMPT, None, owner="me")
    early = Training(PROMPT, tmp_path / "early", overrides=SMOKE)
    early.stop()
    wait_for(lambda: jobs.update() and (jobs.library.version(training.name) > 0 or not training.running))
    assert training.running and not training.stopped, training.error()
    training.stop()
    wait_for(lambda: not training.running)
    assert training.finished and training.stopped and training.error() == ""
    jobs.update()
    step, steps = training.progress()
    _, notes = read_mapper(training.folder, engine.avatar)
    assert 0 < step < steps == 5000 and notes["training"]["status"] == "interrupted"
    assert notes["training"]["steps"] == step and (training.folder / "last.ckpt").is_file()
    kept = Engine(engine.avatar, jobs.library)
    edited = FaceState(edits=(Edit(jobs.library.find(PROMPT).name),))
    assert not torch.equal(kept.texture(edited), kept.texture(FaceState()))
    assert not early.running and not early.finished and "before its first step" in early.error()


def test_progress_is_that_of_training_whatever_else_has_a_bar():
    assert steps_in("Train a text-guided editor\nTraining: |          | 0/? [00:00<?, ?it/s]") == (0, 0)
    training = "Epoch 0:   0%|      | 0/6 [00:00<?, ?it/s]\rEpoch 0:  83%|█████ | 5/6 [00:01<00:00, 3.9it/s, loss=1.0]"
    assert steps_in(training) == (5, 6)
    validation = "\n\nValidation DataLoader 0:   0%|          | 0/1 [00:00<?, ?it/s]\x1b[A"
    assert steps_in(training + validation) == (5, 6)


def test_another_tab_sees_a_training_and_cannot_end_it(environment, data, runs, tmp_path):
    """Whatever it sends: buttons that it does not show can be pressed by a message all the same."""
    pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
    from page_visitor import Visitor

    from clipface.view.__main__ import parse, serve

    given = ["--port", "0", "--runs", str(tmp_path / "runs"), "--generator", str(data / "generator.safetensors")]
    running, services, address = serve(parse([*given, "--train", *SMOKE, "trainer.steps=5000"]))
    try:
        with Visitor(address + new_name()) as mine, Visitor(address + new_name()) as other:
            mine.set("Prompt", "a photo of an old person")
            mine.press("Train this prompt")
            mine.wait("is in training")
            other.wait("*a photo of an old person* (another tab's): ")
            mine.wait("Cancel training")
            assert not other.has("Cancel training") and not other.has("Stop and keep")
            for button in ("Cancel training", "Stop and keep"):
                other.notes.clear()
                other.press(button)
                other.wait("train: expected a training of this tab, got another tab's")
            training = services.training.current
            assert training.running and not training.cancelled and not training.stopped
            mine.press("Cancel training")
            mine.wait("cancelled, nothing was kept")
            assert not training.running and not training.folder.exists()
    finally:
        services.training.close()
        running.stop()
