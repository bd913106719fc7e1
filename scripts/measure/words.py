"""Measure how many words that captions lack an encoder understands, and whether it still knows those it was trained.

python scripts/measure/words.py --encoder face_encoder --text words sentences --images 8
python scripts/measure/words.py --text sentences --phrases paraphrases_fresh --apart 0.9 --wrong
python scripts/measure/words.py --encoder scoring_encoder --text sentences --trained

For each phrase of data/paraphrases.csv, which share no word with the captions, or of data/paraphrases_fresh.csv, whose
writer saw nothing that was learnt: is its feature nearest to the right value among the values of its attribute? What a
value looks like is told by the mean feature of its trained phrases ("phrases"), and by painted faces ("images"): the
change from the mean of all of the attribute's faces to those with the value is compared with the change from the words
"a photo of a face" to the phrase, as an edit does. `--trained` measures the trained phrases themselves likewise; one that
tells two values cannot be right for both. How far the halves (even and odd rows, from 0) differ tells what is chance.
`--apart 0.9` adds the phrases that no learnt one comes near: trained or in data/synonyms.csv, for whatever value, with
at least this cosine in the sentence encoder (takes minutes).
"""

import argparse
import random
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from clipface import assets
from clipface.guidance import Encoder, load_encoder
from clipface.guidance.encoder import SHIPPED, TEXTS
from clipface.guidance.sentences import load_sentence_encoder
from clipface.render.load import load_head_and_renderer
from clipface.settings import SOURCE_PHRASE, GuidanceConfig, HeadConfig, RendererConfig
from clipface.synthetic import Attributes, PaintedFaces, sample_attributes
from clipface.synthetic.words.trained_phrases import TAUGHT, Phrase, read_phrases, trained_phrases
from trainer.sentence_projection.data import VALUES, encode_sentences, value_changes, value_prototypes

PHRASES = ("paraphrases", "paraphrases_fresh")
SEED = 0
SIZE = 128  # of a painted image, pixels
_NEEDS = {"beard": {"sex": "man"}, "moustache": {"sex": "man"}, "hair_colour": {"hair": "hair"}}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="face_encoder", choices=SHIPPED)
    parser.add_argument("--weights", type=Path, help="of that encoder, if not the shipped ones")
    parser.add_argument("--text", nargs="+", default=["words"], choices=TEXTS, help="who reads the words")
    parser.add_argument("--images", type=int, default=0, help="painted faces for each value; 0: phrases only")
    parser.add_argument("--phrases", default=PHRASES[0], choices=PHRASES, help="file of data/ to measure")
    parser.add_argument("--apart", type=float, help="cosine: measure those apart whose nearest learnt phrase has less")
    parser.add_argument("--trained", action="store_true", help="measure the trained phrases")
    parser.add_argument("--wrong", action="store_true", help="list the phrases that are not nearest to the right value")
    options = parser.parse_args()
    phrases = trained_phrases() if options.trained else read_phrases(assets.resolve(options.phrases))
    columns, misses, faces = {}, [], None
    for text in options.text:
        weights = str(options.weights) if options.weights else None
        encoder = load_encoder(GuidanceConfig(options.encoder, weights=weights, text=text))
        answers = {f"{text}, phrases": answer_by_phrases(encoder, phrases)}
        if options.images:
            faces = value_images(encoder, options.images) if faces is None else faces  # the same for all readers
            answers[f"{text}, images"] = answer_by_images(encoder, phrases, faces)
        columns |= answers
        pairs = zip(phrases, answers[f"{text}, phrases"], strict=True)
        misses += [f"{text}: {p.phrase} ({p.attribute}: {p.value}) is taken for {v}" for p, v in pairs if v != p.value]
    print(table(phrases, columns, options.apart and apart_from_learnt(phrases, options.apart)))
    if options.wrong:
        print("\n".join(misses))


def encode(encoder: Encoder, texts: Sequence[str]) -> Tensor:
    """Features [N, D] of texts; that words are unknown is no news here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the encoder never saw the words")
        return encoder.encode_text(texts)


def answer_by_phrases(encoder: Encoder, phrases: Sequence[Phrase]) -> list[str]:
    """The value whose trained phrases are nearest, for each phrase."""
    return _nearest(encode(encoder, [phrase.phrase for phrase in phrases]), value_prototypes(encoder), phrases)


def answer_by_images(encoder: Encoder, phrases: Sequence[Phrase], faces: Tensor) -> list[str]:
    """The value whose painted faces, [values, D], differ from the attribute's others as the phrase tells."""
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


def apart_from_learnt(phrases: Sequence[Phrase], limit: float) -> list[int]:
    """Which phrases have with no learnt one a cosine of `limit` or more in the sentence encoder."""
    encoder, tokenizer = load_sentence_encoder()
    learnt = [*trained_phrases(), *read_phrases(assets.resolve("synonyms"))]
    known = encode_sentences(encoder, tokenizer, [phrase.phrase for phrase in learnt])
    cosines = encode_sentences(encoder, tokenizer, [phrase.phrase for phrase in phrases]) @ known.T
    return (cosines.amax(1) < limit).nonzero()[:, 0].tolist()


def table(phrases: Sequence[Phrase], columns: dict[str, list[str]], apart: Sequence[int] | None = None) -> str:
    """Markdown: right answers by attribute, by half, of those `apart` from what was learnt, and in all."""
    rows = [f"| attribute (values) | phrases | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    chosen = {
        f"{attribute} ({len(values)})": [i for i, phrase in enumerate(phrases) if phrase.attribute == attribute]
        for attribute, values in TAUGHT.items()
    }
    every = range(len(phrases))
    halves = {"even rows": every[::2], "odd rows": every[1::2]}
    for name, these in {**chosen, **halves, "apart": apart or (), "all": every}.items():
        if these:
            right = [sum(answers[i] == phrases[i].value for i in these) for answers in columns.values()]
            rows.append(f"| {name} | {len(these)} | " + " | ".join(f"{n / len(these):.0%}" for n in right) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
