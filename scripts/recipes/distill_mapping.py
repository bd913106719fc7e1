"""Keep a generator's codes away from textures that hold the images' background.

python scripts/recipes/distill_mapping.py --generator runs/my_gan/generator.safetensors --output generator.safetensors
python scripts/recipes/distill_mapping.py --generator my_gan.safetensors --most 0.05 --output strict.safetensors
python scripts/recipes/distill_mapping.py --generator my_gan.safetensors --steps 3000 --output out.safetensors

A photograph shows a face before a white background, and nothing keeps a generator from making the rest of the head
white too. The codes w of such textures lie to one side of the others. This finds that direction and trains the
mapping network to stop before it goes there; all else stays as it was (see clipface/texture/distillation.py).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", required=True, help="weights of a generator")
    parser.add_argument("--output", type=Path, required=True, help="weights to write")
    parser.add_argument("--most", type=float, default=0.15, help="share of a texture that may be background")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="default: a GPU, if there is one")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Find the direction, train the mapping network, write the weights."""
    options = parse(arguments)
    startup.announce(f"Distilling the mapping network of {options.generator}")
    import torch

    from clipface.texture.distillation import background_shares, direction_between, distill
    from clipface.texture.generator import TextureGenerator

    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    generator = TextureGenerator.from_weights(options.generator).to(device)
    codes, shares = background_shares(generator, options.seed)
    direction, limit = direction_between(codes, shares > options.most)
    generator.mapping = distill(generator.mapping, direction, limit, options.steps, options.seed)
    after = background_shares(generator, options.seed)[1]
    before, now = ((part > options.most).float().mean().item() for part in (shares, after))
    generator.save(options.output)
    print(f"Textures of which more than {options.most:.0%} is background: {before:.1%}, now {now:.1%}")
    print(f"Written to {options.output}")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
