"""Score animated edits frame by frame on unseen faces, by an encoder that none was trained with.

python scripts/evaluate_animation.py --mappers runs/*_video_mapper_* --faces 4 --output evaluated
python scripts/evaluate_animation.py --mappers runs/zombie runs/clown --sequence talking --output talking
python scripts/evaluate_animation.py --mappers runs/angry --sequence capture.csv --encoder vit_b_16 --device cuda

Each run of trainer.video_mapper is scored on its own sequence, or on --sequence. Writes `scores.md`, a row for each
run: similarity to the words before and after the edit, in the strongest frame and over all, the rank correlation of
each frame's similarity with its importance, and flicker, the mean change of a pixel from frame to frame, over that of
the unedited face in the same motion; and `NAME.csv`, the frames of each run.
"""

import argparse
import sys
from collections.abc import Sequence

from clipface import startup
from clipface.edit.options import UNSEEN, add_device, add_encoder_weights, add_output, command, encoder_weights
from clipface.settings import config_names


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--mappers", nargs="+", required=True, help="runs of trainer.video_mapper or trainer.mapper, look:NAME")
    add("--sequence", help="name of a shipped one, file or folder (left out: that of each run)")
    add("--faces", type=int, default=4, help="how many unseen faces")
    add("--seed", type=int, default=UNSEEN, help="of the faces; another one gives other faces")
    add("--encoder", default="scoring", choices=config_names("guidance"), help="that scores")
    add_encoder_weights(parser)
    add("--size", type=int, default=160, help="side of each image, pixels")
    add_device(parser)
    add_output(parser, "evaluation")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> list[list[str]]:
    """Evaluate and write; returns the table's rows."""
    options = parse(arguments)
    startup.announce(f"Score {len(options.mappers)} animated edits frame by frame")
    import torch

    from clipface.edit.loading import choose_device
    from clipface.evaluation.animation_scores import HEADER, score_run, write_scores
    from clipface.evaluation.tables import Table
    from clipface.files import slug
    from clipface.guidance import load_encoder
    from clipface.settings import named_guidance

    device = str(choose_device(options.device))
    guidance = named_guidance(options.encoder, encoder_weights(options).get(options.encoder))
    encoder = load_encoder(guidance).to(device)
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for path in options.mappers:
        found = score_run(path, encoder, options, device)
        file = options.output / f"{slug(found.name)}_{slug(found.sequence)}.csv"
        write_scores(file, torch.arange(len(found.motion)), found.motion.rate, found.frames)
        rows.append(found.row())
    table = Table(f"{options.faces} faces, {options.encoder} encoder, {device}", list(HEADER), rows)
    (options.output / "scores.md").write_text(table.markdown() + "\n", encoding="utf-8")
    print(table.text())
    return rows


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
