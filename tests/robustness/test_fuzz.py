"""Every reader, on odd names and a few mutated files: it reads or refuses; an hour of it: scripts/measure/fuzz.py."""

import random
import sys
from itertools import islice

import pytest

from scripts.measure.fuzzing.campaign import HARM, NAMES, run_tries, tries, valid_file
from scripts.measure.fuzzing.readers import READERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fuzzer bounds its processes by Linux's means")
MUTATED = 4  # files of each reader; the whole test takes half a minute of processor time


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_reader_reads_or_refuses(tmp_path, reader):
    valid = valid_file(reader, tmp_path)
    chance = random.Random(f"suite {reader.name}")
    named = islice(tries(reader, valid, chance, crafted=True), len(NAMES))
    mutated = islice(tries(reader, valid, chance, crafted=False), MUTATED)
    found = run_tries(reader, valid, [*named, *mutated])
    assert not any(found.counts[kind] for kind in HARM), found.examples
    assert found.counts["refused"] >= len(NAMES) - 1, "folders, pipes and loops are no files"
