""".mat files: what scipy writes is read as scipy reads it, and no damaged file ends the process."""

import random
import struct
import zlib

import numpy as np
import pytest
import scipy.io

from clipface.matlab import read_mat
from scripts.measure.fuzzing.mutations import mutated


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def written(request, tmp_path):
    random_numbers = np.random.default_rng(0)
    kinds = ("f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
    content = {f"kind_{kind}": (100 * random_numbers.random((2, 3))).astype(kind) for kind in kinds}
    content |= {
        "row": np.arange(5.0), "cube": random_numbers.random((2, 3, 4)), "words": "böser Clown",
        "empty": np.zeros((0, 3)), "one": np.float32(3), "flags": np.array([True, False]),
    }  # fmt: skip
    others = {"cell": np.array([1, "x"], object), "structure": {"x": 1}, "complex": np.ones(3) * 1j}
    path = tmp_path / "code.mat"
    scipy.io.savemat(path, content | others, do_compression=request.param)
    return path, set(content), set(others)


def test_arrays_are_read_as_scipy_reads_them(written):
    path, names, _ = written
    expected, found = scipy.io.loadmat(path), read_mat(path)
    assert set(found) == names, "cells, structures and complex numbers are left out"
    for name in names:
        assert found[name].dtype == expected[name].dtype
        np.testing.assert_array_equal(found[name], expected[name])


def test_damaged_files_are_read_or_refused(written, tmp_path):
    content, chance = written[0].read_bytes(), random.Random(0)
    for _ in range(300):
        (tmp_path / "bad.mat").write_bytes(mutated(content, chance))
        try:
            read_mat(tmp_path / "bad.mat")
        except ValueError as error:
            assert "bad.mat" in str(error)


def test_what_an_array_claims_is_compared(written, tmp_path):
    header = written[0].read_bytes()[:128]
    packed = zlib.compress(struct.pack("<II", 14, 1 << 30) + bytes(100 << 20), 9)
    for body in (struct.pack("<II", 15, len(packed)) + packed, struct.pack("<II", 14, 0xFFFFFFF0) + bytes(9)):
        (tmp_path / "bomb.mat").write_bytes(header + body)
        with pytest.raises(ValueError, match=r"bomb\.mat: cut off, damaged or not of its kind"):
            read_mat(tmp_path / "bomb.mat")


def test_a_newer_version_is_named(tmp_path):
    (tmp_path / "new.mat").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    with pytest.raises(ValueError, match="save it with -v7"):
        read_mat(tmp_path / "new.mat")
