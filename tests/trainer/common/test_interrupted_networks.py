"""Ctrl-C and SIGTERM to the trainers of networks, through their commands: results kept, resumed runs end bit-equal."""

import signal

import pytest
import torch
from interrupts import interrupt, resume, start, train_straight
from safetensors.torch import load_file
from small_trainings import ENCODER, GAN, MODEL, TRAINER

from clipface.guidance.encoder import build_face_encoder, save_face_encoder
from clipface.synthetic import vocabulary
from scripts.measure.fuzzing.bert import write_bert


def trained(folder, file: str) -> dict[str, torch.Tensor]:
    """What a run has trained: from its checkpoint, or from the file that it exports."""
    if file == "last.ckpt":
        return torch.load(folder / file, weights_only=True)["state_dict"]
    return load_file(folder / file)


@pytest.fixture
def projection(tmp_path, monkeypatch):
    """Overrides of a projection's trainer: tiny encoders, and a data folder with two phrases."""
    torch.manual_seed(0)
    face = save_face_encoder(tmp_path / "mine.safetensors", build_face_encoder(MODEL, vocabulary()), MODEL)
    (tmp_path / "synonyms.csv").write_text("attribute,value,phrase\nlook,zombie,cadaver\nsex,man,uncle\n")
    monkeypatch.setenv("CLIPFACE_DATA", str(tmp_path))
    (tmp_path / "bert").mkdir()
    return [f"sentence_encoder={write_bert(tmp_path / 'bert')}", f"guidance.weights={face}",
            "captions=12", "hidden=8", "batch_size=24"]  # fmt: skip


@pytest.mark.parametrize(
    ("trainer", "steps", "file", "number"),
    [
        ("texture_gan", 20, "last.ckpt", signal.SIGTERM),
        ("face_encoder", 30, "face_encoder.safetensors", signal.SIGINT),
        ("sentence_projection", 400, "mine_sentences.safetensors", signal.SIGTERM),
    ],
)
def test_an_interrupted_run_keeps_its_results_and_ends_bit_equal_when_resumed(
    request, tmp_path, trainer, steps, file, number
):
    own = {"texture_gan": GAN, "face_encoder": ENCODER}.get(trainer) or request.getfixturevalue("projection")
    overrides = [trainer, *own, *TRAINER, f"trainer.steps={steps}"]
    code, output = interrupt(*overrides, f"hydra.run.dir={tmp_path / 'stopped'}", number=number)
    assert code == 128 + number, output
    results = {path.name for path in (tmp_path / "stopped").glob("*.safetensors")}
    assert results and (tmp_path / "stopped" / "last.ckpt").is_file()
    resume(output)
    train_straight(*overrides, f"hydra.run.dir={tmp_path / 'straight'}")
    expected, got = (trained(tmp_path / each, file) for each in ("straight", "stopped"))
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        assert torch.equal(value, got[name]), name
    assert {path.name for path in (tmp_path / "straight").glob("*.safetensors")} == results


def test_a_folder_that_holds_a_run_is_refused(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "last.ckpt").write_text("precious")
    process = start("texture_gan", *GAN, *TRAINER, f"hydra.run.dir={tmp_path / 'old'}")
    assert f"folder: expected a new one, got {tmp_path / 'old'} with last.ckpt" in process.finish()
    assert process.returncode == 1 and (tmp_path / "old" / "last.ckpt").read_text() == "precious"
