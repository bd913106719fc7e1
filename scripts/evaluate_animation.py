"""Score animated edits frame by frame on unseen faces, by an encoder that none was trained with.

python scripts/evaluate_animation.py --mappers runs/*_video_mapper_* --faces 4 --output evaluated
python scripts/evaluate_animation.py --mappers runs/zombie runs/clown --sequence talking --output talking
python scripts/evaluate_animation.py --mappers runs/angry --sequence capture.csv --encoder vit_b_16 --device cuda

Each run of trainer.video_mapper is judged on its own sequence, or on --sequence. Writes `scores.md`, a row for each
run: similarity to the words before and after the edit, in the strongest frame and over all, the rank correlation of
each frame's similarity with its importance, and flicker, the mean change of a pixel from frame to frame, over that of
the unedited face in the same motion; and `NAME.csv`, the frames of each run.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from clipface import startup  # isort: skip

startup.prepare()

import torch

from clipface.animation import load_motion
from clipface.edit.animate import animate
from clipface.edit.files import mapper_notes, read_any_mapper
from clipface.edit.loading import load_avatar, named_guidance
from clipface.edit.sampling import sample_faces
from clipface.evaluation.animation import Flickers, render_animation
from clipface.evaluation.animation_scores import front, mean_scores, score_frames, write_scores
from clipface.evaluation.protocol import names
from clipface.evaluation.tables import Table
from clipface.evaluation.timing import synchronized_time
from clipface.guidance import DirectionalLoss, Encoder, EncoderMean, load_encoder
from clipface.metrics.animation import Flicker, rank_correlation
from clipface.settings import HeadConfig, RendererConfig
from trainer.common.config import slug
from trainer.mapper.config import PromptConfig

UNSEEN = 2**40  # seed of the faces; no training run's
HEADER = (
    "edit", "sequence", "frames", "strongest frame before", "after", "all frames before", "after", "rank correlation",
    "flicker", "frames/s",
)  # fmt: skip


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--mappers", nargs="+", type=Path, required=True, help="runs of trainer.video_mapper, or of trainer.mapper")
    add("--sequence", help="name of a shipped one, file or folder (left out: that of each run)")
    add("--faces", type=int, default=4, help="how many unseen faces")
    add("--seed", type=int, default=UNSEEN, help="of the faces; the default is no training run's")
    add("--encoder", default="scoring", choices=names("guidance"), help="that scores")
    add("--size", type=int, default=160, help="side of each image, pixels")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--output", type=Path, default=Path("evaluation"), help="folder to write into")
    return parser.parse_args(arguments)


@torch.no_grad()
def main(arguments: Sequence[str] | None = None) -> list[list[str]]:
    """Evaluate and write; returns the table's rows."""
    options = parse(arguments)
    encoder = load_encoder(named_guidance(options.encoder)).to(options.device)
    options.output.mkdir(parents=True, exist_ok=True)
    rows = [evaluate(path, options, encoder) for path in options.mappers]
    table = Table(f"{options.faces} faces, {options.encoder} encoder, {options.device}", list(HEADER), rows)
    (options.output / "scores.md").write_text(table.markdown() + "\n")
    print(table.text())
    return rows


def evaluate(path: Path, options: argparse.Namespace, encoder: Encoder) -> list[str]:
    """Evaluate one run, write its frames, and return its row of the table.

    Raises:
        ValueError: if neither the run nor the command line names a sequence.
    """
    notes = mapper_notes(path)
    avatar = load_avatar(notes["generator"], HeadConfig(**notes["head"]), RendererConfig()).to(options.device)
    mapper = read_any_mapper(path, avatar.generator.levels)[0].to(options.device)
    sequence = options.sequence or notes.get("sequence")
    if not sequence:
        raise ValueError(f"sequence: expected one, got {path} was trained without and none; use --sequence")
    motion = load_motion(sequence, avatar.head, None if options.sequence else notes.get("rate"))
    loss = EncoderMean([DirectionalLoss(encoder, **PromptConfig(**notes["prompt"]).words)]).to(options.device)
    faces = sample_faces(avatar, range(options.faces), notes["psi"], "evaluation", options.seed).codes
    scores, flickers, started = [], [], synchronized_time(faces.shape.device)
    for row in range(options.faces):
        frames = animate(avatar, faces.rows(slice(row, row + 1)), motion, mapper)
        drawn = render_animation(avatar, frames, front(len(motion)), options.size, geometry=False)
        flickers.append(Flickers(Flicker(), Flicker()))
        scores.append(score_frames(flickers[-1].watch(drawn), loss))
    rate = options.faces * len(motion) / (synchronized_time(faces.shape.device) - started)
    mean = mean_scores(scores)
    name = f"{slug(notes['prompt']['name'] or notes['prompt']['target'])}_{slug(Path(sequence).stem)}"
    write_scores(options.output / f"{name}.csv", torch.arange(len(motion)), motion.rate, mean)
    peak = int(mean.importance.argmax())
    numbers = mean.before[peak], mean.after[peak], mean.before.mean(), mean.after.mean()
    before, after = (sum(getattr(each, when).value for each in flickers) for when in ("before", "after"))
    ratio = after / before if before else 1.0  # nothing moves
    correlation = rank_correlation(mean.after, mean.importance)
    return [
        notes["prompt"]["name"] or notes["prompt"]["target"], Path(sequence).stem, str(len(motion)),
        *(f"{number:.2f}" for number in numbers), f"{correlation:.2f}", f"{ratio:.2f}", f"{rate:.1f}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
