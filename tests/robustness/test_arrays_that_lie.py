"""Archives of arrays in memory that goes by the file; NaN and infinity stop at the door."""

import io
import zipfile

import numpy as np
import pytest

from clipface.arrays import read_arrays
from clipface.data.distribution import FitDistribution
from clipface.edit.files import read_latents
from clipface.head.open_head import read_open_head
from scripts.measure.fuzzing.rooms.data import write_distribution
from scripts.measure.fuzzing.rooms.edit import write_codes
from scripts.measure.fuzzing.tiny import avatar, write_open_head


def header(shape: tuple[int, ...]) -> bytes:
    words = io.BytesIO()
    np.lib.format.write_array_header_1_0(words, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return words.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header((1 << 50,)), "expected 4503599627370496 bytes"),
        (header((75 << 20,)) + bytes(300 << 20), "claims 31457"),
        (b"\x93NUMPY\x01\x00\x05\x00((((\n", "x.npy"),
        (b"hello", "x.npy"),
    ],
    ids=["a shape", "packed", "brackets", "no array"],
)
def test_what_a_member_claims_is_compared(tmp_path, content, words):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(
        ValueError, match=rf"codes: .*a\.npz is cut off or no \.npz of numbers.*{words}.*; write it again"
    ):
        read_arrays(path, "codes")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_numbers_are_finite_in_single_precision(tmp_path, value):
    np.savez(tmp_path / "a.npz", x=np.array([1.0, value]))
    with pytest.raises(ValueError, match="x holds numbers that are not finite"):
        read_arrays(tmp_path / "a.npz", "codes")


@pytest.mark.parametrize("value", [np.nan, 1e200])
def test_heads_and_distributions_are_finite(tmp_path, value):
    for name, make, read in (
        ("head.npz", write_open_head, read_open_head),
        ("distribution.npz", write_distribution, FitDistribution.load),
    ):
        path = tmp_path / name
        make(path)
        arrays = dict(np.load(path))
        read(path)
        key = "shapedirs" if name == "head.npz" else "covariance"
        arrays[key] = arrays[key].astype(float)
        arrays[key][0, 0] = value
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=rf"{name}.*finite"):
            read(path)


def test_fortran_order_and_text_come_back(tmp_path):
    given = {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.array(["x", "ü"]), "c": np.float32(3)}
    np.savez_compressed(tmp_path / "a.npz", **given)
    found = read_arrays(tmp_path / "a.npz", "codes")
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)
    found["a"] += 1  # it may be written to


def test_codes_of_no_face_are_refused(tmp_path):
    path = tmp_path / "codes.npz"
    write_codes(path)
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {"w_plus": np.zeros((0, 4))})
    with pytest.raises(ValueError, match=r"expected codes .*codes\.npz"):
        read_latents(path, avatar())
