"""Average two files of weights, one of which was trained on from the other: generators, or offsets of looks.

python scripts/recipes/average_weights.py --first old.safetensors --second new.safetensors --output mean.safetensors
python scripts/recipes/average_weights.py --first a.safetensors --second b.safetensors --share .2 --output c.safetensors
python scripts/recipes/average_weights.py --first data/looks.safetensors --second my.safetensors --output m.safetensors

Between two ends of one training lie networks that are often better than both (arXiv 2203.05482).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=Path, required=True, help="weights, .safetensors")
    parser.add_argument("--second", type=Path, required=True, help="weights of a network alike")
    parser.add_argument("--share", type=float, default=0.5, help="of the second, 0..1")
    parser.add_argument("--output", type=Path, required=True, help="weights to write, in half precision")
    return parser.parse_args(arguments)


def average(first: Path, second: Path, share: float) -> tuple[dict, dict]:
    """Return weights [name: tensor] that lie between those of two files, and their configuration.

    Raises:
        ValueError: if the files differ in their configuration, or the share is not in 0..1.
    """
    import torch

    from clipface import weights

    if not 0 <= share <= 1:
        raise ValueError(f"share: expected 0 to 1, got {share}")
    (own, config), (other, given) = weights.load(first), weights.load(second)
    if config != given:
        raise ValueError(f"second: expected weights of {config}, got those of {given}")
    weights.check_keys(own, other, f"second {second}")
    return {name: torch.lerp(value, other[name], share) for name, value in own.items()}, config


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, average, write."""
    options = parse(arguments)
    startup.announce(f"Averaging {options.first} and {options.second}")
    from clipface import weights

    between = average(options.first, options.second, options.share)
    print(f"Written to {weights.save(options.output, *between, half=True)}")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
