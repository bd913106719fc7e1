"""Every reader, on odd names and a few mutated files: it reads or refuses; an hour of it: scripts/measure/fuzz.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.measure.fuzzing.campaign import HARM, NAMES
from scripts.measure.fuzzing.readers import READERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fuzzer bounds its processes by Linux's means")
ROOT = Path(__file__).resolve().parents[2]
MUTATED = 4  # files of each reader
PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_readers_read_or_refuse(tmp_path, part):
    some = READERS[part::PARTS]
    command = [sys.executable, str(ROOT / "tests/helpers/brief_fuzz.py"), str(tmp_path), str(MUTATED)]
    done = subprocess.run(
        [*command, *(reader.name for reader in some)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == [reader.name for reader in some]
    for reader in some:
        counts = found[reader.name]["counts"]
        assert not any(counts.get(kind) for kind in HARM), (reader.name, found[reader.name]["examples"])
        if not reader.lenient:
            assert counts["refused"] >= len(NAMES) - 1, (reader.name, "folders, pipes and loops are no files")
