"""Measure edits by any words, as `scripts/edit.py --prompt` makes them, on faces that no training saw.

python scripts/measure/text_edits.py
python scripts/measure/text_edits.py --measures paraphrases paraphrases_fresh --faces 4
python scripts/measure/text_edits.py --measures degrees time

values: every attribute value that a bald head can show; the share of the faces that are nearest to their own value
among its attribute's, by look (the image) and by change (what the edit changes in it). pairs: sixty pairs of values;
how often both are nearer than before. degrees: "slightly", "extremely", and negations of what the faces have.
paraphrases, paraphrases_fresh: the phrases of these files of data/, which no training read. time: of this machine.
"""

import argparse
import sys
from collections.abc import Sequence

from clipface import startup
from clipface.edit.options import add_avatar, command

MEASURES = ("values", "pairs", "degrees", "time", "paraphrases", "paraphrases_fresh")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--measures", nargs="+", default=MEASURES[:4], choices=MEASURES, help="what to measure (all but the phrases)")
    add("--faces", type=int, default=32, help="on which each edit is measured")
    add("--encoder", default="scoring", help="name in configs/guidance of the encoder that judges")
    add_avatar(parser, runs=False)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    options = parse(arguments)
    startup.announce("Measure edits by words on faces that no training saw")
    from clipface.evaluation.edits.text_edits import measure

    for table in measure(options):
        print(table.text(), end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
