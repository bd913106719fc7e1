"""Average the weights of two generators, one of which was trained on from the other.

python scripts/average_generators.py --first old.safetensors --second new.safetensors --output mean.safetensors
python scripts/average_generators.py --first a.safetensors --second b.safetensors --share 0.25 --output c.safetensors
python scripts/average_generators.py --first data/generator.safetensors --second mine.safetensors --output m.safetensors

Between two ends of one training lie generators that are often better than both (arXiv 2203.05482). Offsets of looks
(looks.safetensors) hold for the average too, a little weaker.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from clipface.texture.generator import TextureGenerator


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=Path, required=True, help="weights of a generator")
    parser.add_argument("--second", type=Path, required=True, help="those of one of the same size")
    parser.add_argument("--share", type=float, default=0.5, help="of the second, 0..1")
    parser.add_argument("--output", type=Path, required=True, help="weights to write")
    return parser.parse_args(arguments)


def average(first: TextureGenerator, second: TextureGenerator, share: float) -> TextureGenerator:
    """Move a generator's weights towards another's, in place.

    Raises:
        ValueError: if they differ in size, or the share is not in 0..1.
    """
    if first.config != second.config:
        raise ValueError(f"second: a generator of {first.config} is wanted, one of {second.config} was given")
    if not 0 <= share <= 1:
        raise ValueError(f"share: 0 to 1 is wanted, {share} was given")
    with torch.no_grad():
        for own, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
            own.lerp_(other, share)
    return first


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, average, write."""
    options = parse(arguments)
    first, second = (TextureGenerator.from_weights(path) for path in (options.first, options.second))
    print(f"Written to {average(first, second, options.share).save(options.output)}")


if __name__ == "__main__":
    main()
