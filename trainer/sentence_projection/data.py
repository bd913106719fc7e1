"""What a projection of sentence features is trained on: captions, and phrases for one value of an attribute."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clipface.guidance import Encoder
from clipface.guidance.sentences import FRAMES, SentenceEncoder, SentenceTokenizer
from clipface.synthetic.attributes import sample_attributes
from clipface.synthetic.words.captions import caption
from clipface.synthetic.words.trained_phrases import TRAINED_PHRASES, Phrase, trained_phrases

VALUES = tuple((attribute, value) for attribute, values in TRAINED_PHRASES.items() for value in values)
_AT_A_TIME = 64  # texts


class Targets(NamedTuple):
    """Texts in the features of the sentence encoder, and the features of the face encoder to project them to."""

    sentences: Tensor  # [N, W]
    targets: Tensor  # [N, D], length 1
    values: Tensor  # [N] index into `VALUES`; -1: several or none


def encode_sentences(encoder: SentenceEncoder, tokenizer: SentenceTokenizer, texts: Sequence[str]) -> Tensor:
    """Sentence features [N, W] of any number of texts, those of like length together."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    device = encoder.positions.weight.device
    found = torch.empty(len(texts), encoder.width)
    with torch.no_grad():
        for start in range(0, len(order), _AT_A_TIME):
            part = order[start : start + _AT_A_TIME]
            found[torch.tensor(part)] = encoder(tokenizer([texts[i] for i in part]).to(device)).cpu()
    return found


def caption_targets(
    face: Encoder, sentences: Callable[[Sequence[str]], Tensor], phrases: Sequence[Phrase], count: int, seed: int
) -> Targets:
    """Captions of random faces; half of them end with a phrase, in whose place the target has a trained one."""
    rng = random.Random(seed)
    texts, trained = [], []
    for number in range(count):
        text = target = caption(sample_attributes(rng), rng)
        if number % 2 and phrases:
            phrase = rng.choice(phrases)
            like = rng.choice(TRAINED_PHRASES[phrase.attribute][phrase.value])
            text, target = f"{text}, {phrase.phrase}", f"{text}, {like}"
        texts.append(text)
        trained.append(target)
    return Targets(sentences(texts), _encode_text(face, trained), torch.full((count,), -1))


def phrase_targets(
    face: Encoder, sentences: Callable[[Sequence[str]], Tensor], phrases: Sequence[Phrase]
) -> tuple[Targets, Tensor]:
    """Phrases in each of `FRAMES`.

    Args:
        face: the encoder whose features of trained phrases are the targets.
        sentences: texts to sentence features.
        phrases: trained ones and others.

    Returns:
        The phrases; and the prototypes [values, D]: what trained phrases for each of `VALUES` are to the encoder.
    """
    values = torch.tensor([VALUES.index((phrase.attribute, phrase.value)) for phrase in phrases]).repeat(len(FRAMES))
    prototypes = value_prototypes(face)
    framed = sentences([frame.format(phrase.phrase) for frame in FRAMES for phrase in phrases])
    return Targets(framed, prototypes[values], values), prototypes


def value_prototypes(face: Encoder) -> Tensor:
    """The mean of a face encoder's features of the trained phrases for each of `VALUES`, [values, D], length 1."""
    trained = trained_phrases()
    features = _encode_text(face, [phrase.phrase for phrase in trained])
    values = torch.tensor([VALUES.index((phrase.attribute, phrase.value)) for phrase in trained])
    means = torch.stack([features[values == value].mean(0) for value in range(len(VALUES))])
    return functional.normalize(means, dim=-1)


def value_changes(features: Tensor) -> Tensor:
    """How each of `VALUES` differs from the mean of its attribute's values.

    Args:
        features: [values, D], one for each of `VALUES`.

    Returns:
        [values, D], length 1.
    """
    changes = torch.empty_like(features)
    for attribute in TRAINED_PHRASES:
        rows = [row for row, (name, _) in enumerate(VALUES) if name == attribute]
        changes[rows] = functional.normalize(features[rows] - features[rows].mean(0), dim=-1)
    return changes


def _encode_text(face: Encoder, texts: Sequence[str]) -> Tensor:
    return torch.cat([face.encode_text(texts[i : i + 256]).cpu() for i in range(0, len(texts), 256)])
