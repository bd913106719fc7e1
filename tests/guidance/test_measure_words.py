"""What the script that measures untrained words counts."""

import sys
from pathlib import Path

import pytest
from tiny_sentences import write_bert

from clipface.guidance.sentences import load_sentence_encoder
from clipface.synthetic.words.trained_phrases import Phrase

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import measure_words  # noqa: E402

LEARNT = [Phrase("look", "ghost", "wraith")]
MEASURED = [Phrase("look", "ghost", "wraith"), Phrase("look", "zombie", "zq"), Phrase("sex", "man", "dude")]


@pytest.fixture
def apart(tmp_path, monkeypatch):
    monkeypatch.setattr(measure_words, "load_sentence_encoder", lambda: load_sentence_encoder(write_bert(tmp_path)))
    monkeypatch.setattr(measure_words, "trained_phrases", lambda: [Phrase("sex", "man", "dude")])
    monkeypatch.setattr(measure_words, "read_phrases", lambda path: LEARNT)
    return measure_words.apart_from_learnt(MEASURED, 0.999)


def test_phrases_apart_are_those_that_nothing_learnt_or_taught_comes_near(apart):
    assert apart == [1]


def test_the_table_counts_right_answers_of_those_apart(apart):
    rows = measure_words.table(MEASURED, {"words": ["ghost", "doll", "man"]}, apart).splitlines()
    assert "| apart | 1 | 0% |" in rows and rows[-1] == "| all | 3 | 67% |"
    assert not any("apart" in row for row in measure_words.table(MEASURED, {"words": ["ghost"] * 3}).splitlines())
