"""Measure how many words that captions lack an encoder understands, and if it still knows the trained ones.

python scripts/measure/words.py --encoder face --text words sentences --images 8
python scripts/measure/words.py --text sentences --phrases paraphrases_fresh --apart 0.9 --wrong
python scripts/measure/words.py --encoder scoring --text sentences --trained
python scripts/measure/words.py --encoder vit_b_32 --encoder-weights vit_b_32=ViT-B-32.pt

For each phrase of data/paraphrases.csv, which share no word with the captions, or of data/paraphrases_fresh.csv, whose
writer saw no trained phrase: is its feature nearest to the right value among the values of its attribute? A value is
represented by the mean feature of its trained phrases ("phrases"), and by painted faces ("images"): the change from the
mean of all of the attribute's faces to those with the value is compared with the change from the words "a photo of a
face" to the phrase, as an edit does. `--trained` measures the trained phrases themselves; one for two values cannot be
right for both. How far the halves (even and odd rows, from 0) differ shows what is chance. `--apart 0.9` adds the
phrases that no trained one comes near: of the captions or in data/synonyms.csv, for whatever value, with at least this
cosine in the sentence encoder (takes minutes).
"""

import argparse
import sys
from collections.abc import Sequence

from clipface import startup
from clipface.edit.options import add_encoder_weights, command, encoder_weights
from clipface.settings import TEXT_READERS, config_names, named_guidance

PHRASES = ("paraphrases", "paraphrases_fresh")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__, weights="encoder-weights")
    parser.add_argument("--encoder", default="face", choices=config_names("guidance"))
    add_encoder_weights(parser)
    parser.add_argument("--text", nargs="+", default=["words"], choices=TEXT_READERS, help="who reads the words")
    parser.add_argument("--images", type=int, default=0, help="painted faces for each value; 0: phrases only")
    parser.add_argument("--phrases", default=PHRASES[0], choices=PHRASES, help="file of data/ to measure")
    parser.add_argument("--apart", type=float, help="cosine: measure those apart whose nearest trained phrase has less")
    parser.add_argument("--trained", action="store_true", help="measure the trained phrases")
    parser.add_argument("--wrong", action="store_true", help="list the phrases that are not nearest to the right value")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and with --wrong the list."""
    options = parse(arguments)
    startup.announce(f"Measure the words that {options.encoder} understands")
    from dataclasses import replace

    from clipface import assets
    from clipface.guidance import load_encoder
    from clipface.synthetic.words.trained_phrases import read_phrases, trained_phrases
    from trainer.sentence_projection import measure

    phrases = trained_phrases() if options.trained else read_phrases(assets.resolve(options.phrases))
    columns, misses, faces = {}, [], None
    guidance = named_guidance(options.encoder, encoder_weights(options).get(options.encoder))
    for text in options.text:
        encoder = load_encoder(replace(guidance, text=text))
        answers = measure.answer_by_phrases(encoder, phrases)
        columns[f"{text}, phrases"] = answers
        if options.images:
            # The same faces for all readers.
            faces = measure.value_images(encoder, options.images) if faces is None else faces
            columns[f"{text}, images"] = measure.answer_by_images(encoder, phrases, faces)
        pairs = zip(phrases, answers, strict=True)
        misses += [f"{text}: {p.phrase} ({p.attribute}: {p.value}) is taken for {v}" for p, v in pairs if v != p.value]
    print(measure.table(phrases, columns, options.apart and measure.apart_from_trained(phrases, options.apart)))
    if options.wrong:
        print("\n".join(misses))


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
