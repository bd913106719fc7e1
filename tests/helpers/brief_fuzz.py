"""A few tries of some readers, for the tests: python tests/helpers/brief_fuzz.py FOLDER TRIES READER …

A process of its own: a child of one with threads can wait for ever for what a thread held when it was made. Prints a
JSON object: of each reader its counts and examples of harm.
"""

import json
import random
import sys
from itertools import islice
from pathlib import Path

import torch

from scripts.measure.fuzzing.campaign import NAMES, run_tries, tries, valid_file
from scripts.measure.fuzzing.readers import READERS


def main(folder: Path, mutated: int, names: list[str]) -> None:
    """Try odd names and some mutated files."""
    torch.set_num_threads(1)
    found = {}
    for reader in (reader for reader in READERS if reader.name in names):
        own = folder / str(len(found))
        own.mkdir()
        valid, chance = valid_file(reader, own), random.Random(f"suite {reader.name}")
        named = islice(tries(reader, valid, chance, crafted=True), len(NAMES))
        others = islice(tries(reader, valid, chance, crafted=False), mutated)
        result = run_tries(reader, valid, [*named, *others])
        found[reader.name] = {"counts": result.counts, "examples": result.examples}
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
