"""How many phrases an encoder understands: which value of an attribute is each nearest to?"""

import random
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from clipface import assets
from clipface.guidance import Encoder
from clipface.guidance.sentences import load_sentence_encoder
from clipface.render.load import load_head_and_renderer
from clipface.settings import SOURCE_PHRASE, HeadConfig, RendererConfig
from clipface.synthetic import Attributes, PaintedFaces, sample_attributes
from clipface.synthetic.words.trained_phrases import TRAINED_PHRASES, Phrase, read_phrases, trained_phrases
from trainer.sentence_projection.data import VALUES, encode_sentences, value_changes, value_prototypes

SEED = 0
SIZE = 128  # of a painted image, pixels
_NEEDS = {"beard": {"sex": "man"}, "moustache": {"sex": "man"}, "hair_colour": {"hair": "hair"}}


def encode(encoder: Encoder, texts: Sequence[str]) -> Tensor:
    """Features [N, D] of texts, without the warning about unknown words: they are what is measured."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the encoder never saw the words")
        return encoder.encode_text(texts)


def answer_by_phrases(encoder: Encoder, phrases: Sequence[Phrase]) -> list[str]:
    """The value whose trained phrases are nearest, for each phrase."""
    return _nearest(encode(encoder, [phrase.phrase for phrase in phrases]), value_prototypes(encoder), phrases)


def answer_by_images(encoder: Encoder, phrases: Sequence[Phrase], faces: Tensor) -> list[str]:
    """The value whose painted faces, [values, D], differ from the attribute's others most as the phrase does."""
    said = encode(encoder, [phrase.phrase for phrase in phrases]) - encode(encoder, [SOURCE_PHRASE])
    return _nearest(said, value_changes(faces), phrases)


def _nearest(features: Tensor, prototypes: Tensor, phrases: Sequence[Phrase]) -> list[str]:
    answers = []
    for phrase, cosines in zip(phrases, features @ prototypes.T, strict=True):
        rivals = [row for row, (attribute, _) in enumerate(VALUES) if attribute == phrase.attribute]
        answers.append(VALUES[rivals[int(cosines[rivals].argmax())]][1])
    return answers


def value_images(encoder: Encoder, count: int) -> Tensor:
    """Mean features of `count` painted faces with each of `VALUES`, [values, D]."""
    painter = PaintedFaces(*load_head_and_renderer(HeadConfig(), RendererConfig()))
    rng, generator = random.Random(SEED), torch.Generator().manual_seed(SEED)
    means = []
    for attribute, value in VALUES:
        faces = [_face(attribute, value, rng) for _ in range(count)]
        images = painter.sample(count, generator, SIZE, background=1.0, attributes=faces).image
        means.append(encoder.encode_image(images.clamp(0, 1)).mean(0))
    return torch.stack(means)


def _face(attribute: str, value: str, rng: random.Random) -> Attributes:
    name, asked = (value, True) if attribute == "detail" else (attribute, value)
    ordinary = {} if attribute == "look" else {"look": "none"}
    return sample_attributes(rng, {**ordinary, **_NEEDS.get(name, {}), name: asked})


def apart_from_trained(phrases: Sequence[Phrase], limit: float) -> list[int]:
    """Rows of the phrases that have no trained one with a cosine of `limit` or more in the sentence encoder."""
    encoder, tokenizer = load_sentence_encoder()
    trained = [*trained_phrases(), *read_phrases(assets.resolve("synonyms"))]
    known = encode_sentences(encoder, tokenizer, [phrase.phrase for phrase in trained])
    cosines = encode_sentences(encoder, tokenizer, [phrase.phrase for phrase in phrases]) @ known.T
    return (cosines.amax(1) < limit).nonzero()[:, 0].tolist()


def table(phrases: Sequence[Phrase], columns: dict[str, list[str]], apart: Sequence[int] | None = None) -> str:
    """Markdown: right answers by attribute, by half, of those `apart` from what was trained, and in all."""
    rows = [f"| attribute (values) | phrases | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    chosen = {
        f"{attribute} ({len(values)})": [i for i, phrase in enumerate(phrases) if phrase.attribute == attribute]
        for attribute, values in TRAINED_PHRASES.items()
    }
    every = range(len(phrases))
    halves = {"even rows": every[::2], "odd rows": every[1::2]}
    for name, these in {**chosen, **halves, "apart": apart or (), "all": every}.items():
        if these:
            right = [sum(answers[i] == phrases[i].value for i in these) for answers in columns.values()]
            rows.append(f"| {name} | {len(these)} | " + " | ".join(f"{n / len(these):.0%}" for n in right) + " |")
    return "\n".join(rows)
