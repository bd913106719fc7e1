"""Make a folder of edited heads that differ in identity, texture, edit and its strength, with a manifest.

python scripts/make_heads.py --count 100 --prompt zombie clown "a photo of an old man with a beard" --output heads
python scripts/make_heads.py --count 100 --mapper runs/*_mapper_zombie runs/*_mapper_old --output heads
python scripts/make_heads.py --count 100 --mapper look:zombie look:clown --output heads
python scripts/make_heads.py --count 20 --prompt zombie --strength 1 1 --train experiment=smoke --output quick
python scripts/make_heads.py --count 50 --seed 1000 --output unedited

Writes for each head `NNNNN.glb` (to pose and animate), `NNNNN.png` (two views), `NNNNN.npz` (codes before the edit, as
scripts/edit.py reads them, and after it under `edited_...`) and a line of `manifest.jsonl`. A prompt is the name of one
in configs/prompt or any words; its mapper is trained first, into `mappers`. The same command goes on where it was
interrupted, within a training too; --count may grow, other settings may not change. A head depends on its seed and the
settings alone.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipface import startup
from clipface.edit.options import add_avatar, add_expressions, add_output, check_words, command
from clipface.files import slug
from clipface.settings import literal, prompt_override

if TYPE_CHECKING:
    from trainer.mapper.config import MapperConfig

FREE = ("count", "output", "device", "renderer")  # options that may change when a folder is continued


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add_output(parser)
    add("--count", type=int, default=100, help="heads in the folder when all are there")
    add("--seed", type=int, default=0, help="of the first head; the others follow")
    add("--prompt", nargs="+", default=[], help="words or names of prompts, in turn; each takes some minutes to train")
    add("--mapper", nargs="+", default=[], help="runs, files of mappers or look:NAME, that are used in turn too")
    add("--strength", nargs=2, type=float, default=[0.5, 1.0], metavar=("LEAST", "MOST"), help="1 is the trained edit")
    add("--train", nargs="+", default=[], help="overrides of trainer.mapper for the prompts, such as trainer=gpu")
    add("--size", type=int, default=256, help="side of the preview's two images, pixels")
    add_expressions(parser)
    add_avatar(parser)
    options = parser.parse_args(arguments)
    if options.count < 1 or options.size < 1:
        parser.error(f"--count, --size: expected 1 or more, got {options.count}, {options.size}")
    if options.strength[0] > options.strength[1]:
        parser.error(f"--strength: expected the least first, got {options.strength[0]} {options.strength[1]}")
    if len({slug(prompt) for prompt in options.prompt}) < len(options.prompt):
        parser.error("--prompt: expected words that differ by more than signs, since they name the mappers' folders")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, make what is missing."""
    options = parse(arguments)
    startup.announce(f"Make {options.count} heads in {options.output}")
    from clipface.evaluation.heads import check_settings, make_missing

    for prompt in options.prompt:
        config = train_config(prompt, options, None)
        check_words(config.prompt.words, config.guidance)
    check_settings(options.output, {name: value for name, value in vars(options).items() if name not in FREE})
    mappers = [*(train_prompt(prompt, options) for prompt in options.prompt), *options.mapper]
    made = make_missing(mappers, options)
    print(f"{options.output}: {options.count} heads, {made} of them made now; manifest.jsonl lists them")


def train_prompt(prompt: str, options: argparse.Namespace) -> Path:
    """Train a prompt's mapper unless that is done, going on from an interrupted training; return its folder.

    Raises:
        SystemExit: with 128 + signal, if training was interrupted; the checkpoint is kept.
    """
    from clipface.edit.notes import MAPPER_FILE
    from trainer.common.callbacks import CHECKPOINT_FILE
    from trainer.common.run import INTERRUPTED
    from trainer.mapper.train import train

    folder = options.output / "mappers" / slug(prompt)
    unfinished = folder / CHECKPOINT_FILE  # a complete run removes it
    if (folder / MAPPER_FILE).is_file() and not unfinished.is_file():
        return folder
    if not unfinished.is_file():
        shutil.rmtree(folder, ignore_errors=True)  # what a killed training left
    result = train(train_config(prompt, options, unfinished if unfinished.is_file() else None), folder)
    if result.status == INTERRUPTED:
        print("stopped; the same command goes on from here", flush=True)
        raise SystemExit(128 + result.signal)
    return folder


def train_config(prompt: str, options: argparse.Namespace, resume: Path | None) -> "MapperConfig":
    """The configuration of a prompt's training."""
    from hydra import compose, initialize_config_module
    from omegaconf import OmegaConf

    from trainer.mapper import config as _  # noqa: F401  registers the schema

    chosen = [prompt_override(prompt), *([f"head={options.head}"] if options.head else [])]
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("mapper", [*chosen, *options.train])
    config.generator = literal(options.generator)
    config.trainer.resume = literal(str(resume)) if resume else config.trainer.resume
    return OmegaConf.to_object(config)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here")
        raise SystemExit(130) from None
