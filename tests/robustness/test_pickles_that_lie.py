"""Pickles that would crash the interpreter, or take memory or time without end, are refused before they run."""

import pickle
import sys

import numpy as np
import pytest
import scipy.sparse
import torch

from clipface import pickles
from clipface.texture.published import load_published
from scripts.measure.fuzzing.trial import attempt

linux = pytest.mark.skipif(sys.platform != "linux", reason="the bounded process is Linux's")
DEEP = 10**6


@linux
@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02})" + b"\x85" * DEEP + b"K\x01s.",
        b"\x80\x04\x8f()" + b"\x85" * DEEP + b"\x90.",
        b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"K\x01s.",
        b"\x80\x02Nr\xff\xff\xff\x0f.",
        b"\x80\x04B\xff\xff\xff\x7fab.",
    ],
    ids=["a deep key", "a deep set", "a doubled key", "a memo of 4 GB", "bytes of 2 GB"],
)
@pytest.mark.parametrize("read", [pickles.load, load_published], ids=["pickle", "checkpoint"])
def test_programs_that_do_harm_are_refused(tmp_path, program, read):
    path = tmp_path / "data.pkl"
    path.write_bytes(program)
    outcome = attempt(read, path, len(program))
    assert outcome.kind == "refused", outcome


def test_lists_shared_without_end_are_refused(tmp_path):
    ten = [0.0]
    for _ in range(9):
        ten = [ten] * 10
    path = tmp_path / "data.pkl"
    path.write_bytes(pickle.dumps({"exp": ten}))
    with pytest.raises(ValueError, match="data.pkl.*counted as often"):
        pickles.load(path)


def test_what_a_sparse_matrix_claims_is_compared(tmp_path):
    path = tmp_path / "data.pkl"
    matrix = scipy.sparse.csc_matrix(np.eye(3))
    path.write_bytes(pickle.dumps(matrix, protocol=2))
    np.testing.assert_array_equal(pickles.load(path), np.eye(3))
    for name, value in (("_shape", (1 << 20, 1 << 10)), ("indptr", np.array([0, 1 << 28, 2, 3], np.int32))):
        changed = matrix.copy()
        changed.__dict__[name] = value
        path.write_bytes(pickle.dumps(changed, protocol=2))
        with pytest.raises(ValueError, match=r"data\.pkl.*sparse matrix"):
            pickles.load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"w": torch.zeros(1).expand(1 << 40)}, "fewer numbers"),
        ({"w": torch.full((3,), float("nan"))}, "NaN or infinity"),
        ({"w": torch.full((3,), 1e200, dtype=torch.float64)}, "NaN or infinity"),
        ({"w": torch.zeros(3, dtype=torch.complex64)}, "complex64"),
    ],
)
def test_tensors_that_lie_are_refused(tmp_path, content, words):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=rf"a\.pth.*{words}"):
        load_published(tmp_path / "a.pth")


def test_a_memo_counted_by_its_writer_is_read(tmp_path):
    shared = np.arange(3)
    for protocol in range(6):
        path = tmp_path / "data.pkl"
        path.write_bytes(pickle.dumps([shared, {"a": shared, "b": (1, (2, (3,)))}], protocol))
        first, second = pickles.load(path)
        np.testing.assert_array_equal(second["a"], first)
        assert second["b"] == (1, (2, (3,)))
