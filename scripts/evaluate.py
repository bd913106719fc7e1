"""Compare edits of the same unseen faces: images, and a table of what they reach and what they cost.

python scripts/evaluate.py --mappers runs/*_mapper_zombie runs/*_mapper_clown --output evaluation
python scripts/evaluate.py --mappers full=runs/full no_prior=runs/no_prior runs/direct/texels.safetensors
python scripts/evaluate.py --mappers runs/*_mapper_* --protocol paper --device cuda
python scripts/evaluate.py --mappers trained=runs/zombie look:zombie
python scripts/evaluate.py --mappers angry.pt --prompt angry --generator stylegan_G.pth --head flame --latents codes
python scripts/evaluate.py --mappers runs/* --protocol paper --encoder-weights vit_b_16=ViT-B-16.pt vit_l_14=ViT-L-14.pt

Writes scores.md, scores.csv, scores.json and the grids faces.png, turned.png and geometry.png.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import product

from clipface import startup
from clipface.edit.options import (
    UNSEEN,
    add_device,
    add_encoder_weights,
    add_output,
    check_words,
    command,
    encoder_weights,
)
from clipface.settings import FEATURE_NETWORKS, HEADS, config_names, named_guidance, prompt_target


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add(
        "--mappers", nargs="+", required=True, metavar="[NAME=]PATH",
        help="run folders or files of trainer.mapper, look:NAME, files of scripts/measure/baselines.py, or the "
        "authors' files, with --prompt",
    )  # fmt: skip
    add(
        "--prompt", nargs="+", default=[], metavar="PROMPT",
        help="what mappers that do not say it were trained for, one for all or one for each: a name of configs/prompt, "
        "or words",
    )  # fmt: skip
    add("--generator", help="weights of the texture generator, the authors' too (that of the mappers' runs)")
    add("--head", choices=HEADS, help="(that of the mappers' runs)")
    add("--psi", type=float, help="truncation of unseen faces, 0..1 (that of the mappers' runs)")
    add("--latents", help="codes of the faces: a file, or a folder of .pt (unseen faces, sampled)")
    add("--protocol", default="default", choices=config_names("evaluation"), help="of configs/evaluation")
    add("--encoders", nargs="+", choices=config_names("guidance"), help="that score (the protocol's)")
    add_encoder_weights(parser)
    add("--faces", type=int, help="how many unseen faces (the protocol's)")
    add("--size", type=int, help="side of each image, pixels (the protocol's)")
    add("--network", choices=FEATURE_NETWORKS, help="of FID and KID (the protocol's)")
    add(
        "--against", nargs="+", default=[], metavar="PROMPT",
        help="further prompts that an edited face may be nearer to: words, or names of configs/prompt",
    )  # fmt: skip
    add("--seed", type=int, default=UNSEEN, help="of the faces; another one gives other faces")
    add("--shown", type=int, default=8, help="faces in the grids")
    add_device(parser, "cpu")
    add_output(parser, "evaluation")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate and write."""
    options = parse(arguments)
    startup.announce(f"Compare {len(options.mappers)} edits of the same unseen faces")
    from clipface.evaluation.edits.edited import read_sources
    from clipface.evaluation.edits.protocol import read_protocol
    from clipface.evaluation.edits.report import evaluate

    protocol = read_protocol(
        options.protocol,
        encoders=options.encoders, faces=options.faces, image_size=options.size, network=options.network,
        weights=encoder_weights(options),
    )  # fmt: skip
    against = [prompt_target(prompt) for prompt in options.against]
    for prompt, name in product(against, protocol.encoders):
        check_words({"target": prompt}, named_guidance(name, protocol.weights.get(name)))
    sources = read_sources(options.mappers, options.prompt)
    given = {name: getattr(options, name) for name in ("generator", "head", "psi", "device")}
    evaluate(sources, protocol, options.seed, options.output, options.shown, against, options.latents, **given)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
