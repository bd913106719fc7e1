"""What encoders cannot read is known before they are loaded."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from clipface.guidance import text_check
from clipface.guidance.encoder import save_face_encoder
from clipface.guidance.pieces import read_pieces
from clipface.guidance.text_check import UnreadableText, check_prompt, check_text, nearest_phrases
from clipface.guidance.vocabulary import UnknownWords, Vocabulary, foreign_words, split
from clipface.settings import GuidanceConfig, named_guidance
from scripts.measure.fuzzing.bert import write_bert

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def guidance(encoder, architecture, tmp_path) -> GuidanceConfig:
    """Ten words long, and without its weights: nothing here may need them."""
    path = save_face_encoder(tmp_path / "mine.safetensors", encoder, architecture)
    path.unlink()
    return GuidanceConfig(weights=str(path))


def test_letters_and_accents():
    assert split("Très TRISTE, weiß, Bjørn's") == ["tres", "triste", "weiss", "bjorn"]
    assert foreign_words("a «зомби», 僵尸! très 25 ° ½ 🧟 «…»") == ["зомби", "僵尸", "🧟"]


@pytest.mark.parametrize(
    "text", ["a photo of a zombie", "A smiling man!", "zombies", "a photo of a face", "a man's beard"]
)
def test_known_texts_say_nothing(guidance, text):
    assert check_text(text, guidance) == []


@pytest.mark.parametrize(
    "text, said",
    [
        ("зомби", "Latin letters only.*'зомби'.*xlm"), ("a photo of a 僵尸", "Latin letters only.*僵尸"),
        ("🧟", "Latin"), ("!!!", "expected words, got '!!!'"),
        ("a photo of a qwerty", "unknown: qwerty.*face_sentences.*vit_b_32"),
        ("a photo of a zombi", "nearest that it knows: zombie"), ("triste", "unknown: triste"),
    ],
)  # fmt: skip
def test_texts_of_which_nothing_is_left_are_refused(guidance, text, said):
    with pytest.raises(UnreadableText, match=said):
        check_text(text, guidance)


def test_some_unknown_words_warn_with_near_ones(guidance):
    (line,) = check_text("an angri man with старый beard", guidance)
    assert "does not know angri, старый" in line and "nearest that it knows: angry" in line
    assert check_prompt({"target": "a zombie", "source": "a photo of a qwerty man"}, guidance) == check_text(
        "a photo of a qwerty man", guidance
    )


def test_synonyms_lead_to_phrases_that_are_known():
    vocabulary = Vocabulary(["angry", "a", "zombie", "old", "red", "lipstick"], 12)
    assert nearest_phrases("a furious person", vocabulary)[0] == "angry"
    assert nearest_phrases("undead", vocabulary)[0] == "zombie"
    assert nearest_phrases("qwertz", vocabulary) == []


def test_what_is_too_long_is_named(guidance, encoder):
    text = "a man with a zombie beard with wrinkles angry smiling woman"
    (line,) = check_text(text, guidance)
    assert line.endswith("leaves out: 'woman'")
    (line,) = check_prompt({"target": text, "templates": ["{}", "a photo of {}"]}, guidance)
    assert line.endswith("leaves out: 'wrinkles angry smiling woman'")
    with pytest.warns(UnknownWords, match="reads 10 words, and leaves out 'woman'"):
        encoder.encode_text([text])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode_text([text.removesuffix(" woman")])


def test_a_sentence_encoder_reads_other_words_but_no_other_script(guidance, tmp_path, monkeypatch):
    monkeypatch.setattr(text_check, "installed_folder", lambda: write_bert(tmp_path))
    guidance.text = "sentences"
    assert check_text("a qwerty", guidance) == check_text("très triste", guidance) == []
    with pytest.raises(UnreadableText, match="sentence encoder reads Latin letters only.*зомби"):
        check_text("a зомби", guidance)
    (line,) = check_text("a qwerty старый man", guidance)
    assert "reads English, not старый" in line
    (line,) = check_text("qwerty " + "abcdefghij " * 6, guidance)
    left_out = line.partition("leaves out: ")[2].strip("'").strip()
    pieces = read_pieces(tmp_path / "tokenizer.json")
    framed = "a photo of a face, qwerty " + "abcdefghij " * 6
    pieces.enable_truncation(64)
    assert left_out and pieces.encode(framed).offsets[-2][1] == framed.rindex(left_out)


def test_clip_spells_everything_and_is_said_to_be_english():
    guidance = named_guidance("vit_b_32")
    assert check_text("très livide", guidance) == []
    (line,) = check_text("зомби", guidance)
    assert "trained on English, and may not know зомби" in line
    (line,) = check_text("an old man " * 25 + "laughing", guidance)
    assert "leaves out" in line and line.endswith("laughing'")
    multilingual = GuidanceConfig("xlm-roberta-base-ViT-B-32", "laion5b_s13b_b90k")
    assert check_text("зомби", multilingual) == []


def test_all_encoders_are_asked(guidance, encoder, architecture, tmp_path, monkeypatch):
    save_face_encoder(tmp_path / "data" / "scoring_encoder.safetensors", encoder, architecture)
    monkeypatch.setenv("CLIPFACE_DATA", str(tmp_path / "data"))
    clip = GuidanceConfig("ViT-B-32-quickgelu", "openai", also=["scoring"])
    with pytest.raises(UnreadableText, match="scoring_encoder knows no word of 'qwerty'"):
        check_text("qwerty", clip)


def test_a_damaged_description_is_left_to_loading(guidance):
    Path(guidance.weights).with_suffix(".json").write_text("{")
    assert check_text("qwerty", guidance) == []
    Path(guidance.weights).with_suffix(".json").write_text(json.dumps({"words": []}))
    assert check_text("qwerty", guidance) == []


def test_it_needs_no_pytorch():
    code = (
        "import sys; from clipface.guidance.text_check import *; from clipface.settings import named_guidance\n"
        "check_text('a photo of a qwerty zombie', named_guidance('face')); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
