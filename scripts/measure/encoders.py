"""Measure what face encoders know of real faces: people and phrases that no training reads.

python scripts/measure/encoders.py --dataset my_faces --labels my_photos/labels.csv
python scripts/measure/encoders.py --dataset my_faces --labels my_photos/labels.csv --phrases my_photos/phrases.csv
python scripts/measure/encoders.py --dataset my_faces --labels a.csv --encoder-weights face=my_run/face.safetensors
python scripts/measure/encoders.py --dataset my_faces --labels a.csv --guidance vit_b_32 --encoder-weights vit_b_32=B.pt

Asks by prompts for sex, age group and smile on the photographs of data/validation_photos.txt: the share of right
answers, as the mean over the values (rare ones count like common ones), and of all photographs alike; and for the
phrase of each of 150 images among 20, of which chance finds 5 %.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import add_device, add_encoder_weights, command, encoder_weights

NAMES = {"photograph/expression": "smile", "photograph/sex": "sex", "photograph/age": "age group"}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__, weights="encoder-weights")
    add = parser.add_argument
    add("--dataset", type=Path, required=True, help="folder that scripts/prepare_photos.py wrote")
    add("--labels", type=Path, nargs="+", required=True, help="CSV files: file, person, age, gender, expression")
    add("--expressions", type=Path, default=Path("data/portrait_expressions.csv"), help="of those without one there")
    add("--phrases", type=Path, help="CSV file: file, phrase; left out: phrases are not measured")
    add("--guidance", nargs="+", default=["face", "scoring"], help="names in configs/guidance")
    add_encoder_weights(parser)
    add("--size", type=int, default=128, help="side of the images, pixels")
    add_device(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each encoder."""
    options = parse(arguments)
    startup.announce(f"Measure encoders on the photographs of {options.dataset} that no training reads")
    from clipface.edit.loading import choose_device
    from clipface.evaluation.tables import Table
    from clipface.guidance import load_encoder
    from clipface.settings import named_guidance
    from trainer.face_encoder.photographs import read_images, read_labels
    from trainer.face_encoder.phrases import Phrases, read_phrased_images, read_phrases
    from trainer.face_encoder.scores import photograph_scores, phrase_scores

    labels = read_labels(options.labels, options.expressions)
    photographs = read_images(str(options.dataset), labels, options.size, validation=True)
    said = read_phrases(options.phrases) if options.phrases else {}
    phrased = read_phrased_images(options.phrases, said, options.size, validation=True) if said else None
    rows, weights = [], encoder_weights(options)
    for name in options.guidance:
        encoder = load_encoder(named_guidance(name, weights.get(name))).to(choose_device(options.device))
        scores = photograph_scores(encoder, photographs)
        for key, words in NAMES.items():
            if key in scores:
                rows.append([name, words, f"{scores[key]:.1%}", f"{scores[key + '_share']:.1%}"])
        if phrased is not None:
            with warnings.catch_warnings():  # of words that it never saw: they count as wrong
                warnings.simplefilter("ignore", UserWarning)
                (share,) = phrase_scores(encoder, phrased, Phrases(said)).values()
            rows.append([name, "phrase among 20", "-", f"{share:.1%}"])
    known = sum(label.expression_known for label in photographs.labels)
    title = f"Right answers on {len(photographs.labels)} photographs ({known} with a known smile)"
    print(Table(title, ["encoder", "asked for", "mean over values", "all alike"], rows).text())


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
