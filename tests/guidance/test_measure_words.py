"""What the script that measures untrained words counts."""

import pytest
from commands import script

from clipface.guidance.sentences import load_sentence_encoder
from clipface.synthetic.words.trained_phrases import Phrase
from scripts.measure.fuzzing.bert import write_bert
from trainer.sentence_projection import measure

TRAINED = [Phrase("look", "ghost", "wraith")]
MEASURED = [Phrase("look", "ghost", "wraith"), Phrase("look", "zombie", "zq"), Phrase("sex", "man", "dude")]


@pytest.fixture
def apart(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "load_sentence_encoder", lambda: load_sentence_encoder(write_bert(tmp_path)))
    monkeypatch.setattr(measure, "trained_phrases", lambda: [Phrase("sex", "man", "dude")])
    monkeypatch.setattr(measure, "read_phrases", lambda path: TRAINED)
    return measure.apart_from_trained(MEASURED, 0.999)


def test_phrases_apart_are_those_that_nothing_learnt_or_taught_comes_near(apart):
    assert apart == [1]


def test_the_table_counts_right_answers_of_those_apart(apart):
    rows = measure.table(MEASURED, {"words": ["ghost", "doll", "man"]}, apart).splitlines()
    assert "| apart | 1 | 0% |" in rows and rows[-1] == "| all | 3 | 67% |"
    assert not any("apart" in row for row in measure.table(MEASURED, {"words": ["ghost"] * 3}).splitlines())


@pytest.mark.filterwarnings("ignore:the encoder never saw the words")  # a tiny vocabulary
def test_the_command_prints_a_table(tiny_files, capsys):
    script("measure/words").main(["--encoder-weights", f"face={tiny_files / 'face_encoder.safetensors'}", "--wrong"])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| all | 205 |") for line in lines) and "is taken for" in lines[-1]
