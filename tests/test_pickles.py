"""Pickles are read as data: real ones give their arrays, hostile ones run nothing."""

import collections
import io
import os
import pickle
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface import pickles

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
GENUINE = Path(__file__).parent / "golden/flame_tiny/generic_model.pkl"


def read(content: bytes):
    return pickles.load(io.BytesIO(content))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_and_arrays_come_back(protocol):
    array = np.arange(24.0).reshape(2, 3, 4)
    given = {
        "array": array,
        "fortran": np.asfortranarray(array[0]),
        "swapped": np.arange(3, dtype=">f4"),
        "empty": np.zeros((0, 3), np.uint32),
        "text": np.array(["ab", "c"]),
        "scalar": np.float32(3.5),
        "tensor": torch.arange(6).reshape(2, 3).T,
        "bfloat16": torch.tensor([0.5, 2.0], dtype=torch.bfloat16),
        "parts": (b"bytes", b"", "text", 3, None, True, {1, 2}),
        "ordered": collections.OrderedDict(a=1, b=2),
    }
    found = read(pickle.dumps(given, protocol=protocol))
    for key in ("array", "fortran", "swapped", "empty", "text", "scalar"):
        np.testing.assert_array_equal(found[key], given[key])
    assert found["empty"].dtype == np.uint32 and found["empty"].shape == (0, 3)
    np.testing.assert_array_equal(found["tensor"], given["tensor"].numpy())
    assert found["bfloat16"].tolist() == [0.5, 2.0]
    assert found["parts"] == given["parts"] and found["ordered"] == {"a": 1, "b": 2}
    nested = read(pickle.dumps(np.array([1, {"deep": array}], dtype=object), protocol=protocol))
    np.testing.assert_array_equal(nested[1]["deep"], array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array"])
def test_sparse_matrices_become_dense(protocol, form):
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.array([[0, 1.5, 0], [2, 0, 0], [0, 0, 0], [0, 3, 4]])
    np.testing.assert_array_equal(read(pickle.dumps(getattr(sparse, form)(dense), protocol=protocol)), dense)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_chumpy_arrays_are_read_where_chumpy_is_not_installed(protocol, monkeypatch):
    chumpy = pytest.importorskip("chumpy", reason="chumpy-fixed writes the genuine files", exc_type=ImportError)
    array = np.random.default_rng(0).random((4, 3))
    content = pickle.dumps({"all": chumpy.array(array), "some": chumpy.array(array)[1:, 0]}, protocol=protocol)
    # As files of old say it:
    content = content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    for name in [name for name in sys.modules if name.split(".")[0] in ("chumpy", "scipy")]:
        monkeypatch.setitem(sys.modules, name, None)
    found = read(content)
    np.testing.assert_array_equal(found["all"], array)
    np.testing.assert_array_equal(found["some"], array[1:, 0])


def test_python_2_text_is_the_content_of_arrays():
    # What Python 2's cPickle writes for np.array([1.5, -2.0]).
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85"
    dtype = b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    found = read(head + dtype + b"\x89U\x10" + struct.pack("<2d", 1.5, -2.0) + b"tb.")
    assert found.tolist() == [1.5, -2.0]


def test_an_image_transform_is_its_matrix():
    # What skimage's SimilarityTransform pickles to; the package need not be installed.
    content = pickle.dumps({"params": np.eye(3)}, protocol=2)[2:-1]
    found = read(b"\x80\x02cskimage.transform._geometric\nSimilarityTransform\n)\x81" + content + b"b.")
    np.testing.assert_array_equal(found.params, np.eye(3))


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def attacks(canary: Path) -> dict[str, object]:
    shell, code = f"touch {canary}", f"open({str(canary)!r}, 'w')"
    saved = canary.with_suffix(".npy")
    np.save(saved, np.array(Call(os.system, shell), dtype=object), allow_pickle=True)
    stored = io.BytesIO()
    torch.save(Call(os.system, shell), stored, _use_new_zipfile_serialization=False)
    import builtins
    import copyreg
    import functools
    import importlib
    import subprocess

    system = Call(os.system, shell)
    return {
        "os.system": system,
        "eval": Call(builtins.eval, code),
        "exec": Call(builtins.exec, code),
        "import": Call(importlib.import_module, "antigravity"),
        "getattr": Call(getattr, Call(importlib.import_module, "os"), "system"),
        "subprocess": Call(subprocess.Popen, ["touch", str(canary)]),
        "numpy.load": Call(np.load, str(saved), None, True),
        "numpy.fromfile": Call(np.fromfile, str(saved)),
        "runstring": Call(np.testing.runstring, code, {}),
        "torch.load": Call(torch.load, str(saved)),
        "torch storage": Call(torch.storage._load_from_bytes, stored.getvalue()),
        "partial": functools.partial(os.system, shell),
        "extension": Call(copyreg.add_extension, "os", "system", 77),
        "nested": {"good": np.eye(3), "bad": [np.array([({"deep": system},)], dtype=object)]},
        "in a tensor": Call(torch._utils._rebuild_tensor_v2, system, 0, (1,), (1,), False, collections.OrderedDict()),
        "in a matrix": Call(np.zeros(3).__reduce__()[0], np.ndarray, system, b"b"),
        "called class": Call(np.ndarray, (3,)),
        "map": Call(list, Call(map, os.system, [shell])),
    }


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("name", [
    "os.system", "eval", "exec", "import", "getattr", "subprocess", "numpy.load", "numpy.fromfile", "runstring",
    "torch.load", "torch storage", "partial", "extension", "nested", "in a tensor", "in a matrix", "called class",
    "map",
])  # fmt: skip
def test_nothing_in_a_hostile_pickle_runs(name, protocol, tmp_path):
    canary = tmp_path / "ran"
    content = pickle.dumps(attacks(canary)[name], protocol=protocol)
    before = set(sys.modules)
    with pytest.raises(ValueError):
        read(content)
    assert not canary.exists()
    assert "antigravity" not in set(sys.modules) - before


def test_the_attacks_above_do_run_elsewhere(tmp_path):
    """Otherwise the test above could not fail."""
    canary = tmp_path / "ran"
    pickle.loads(pickle.dumps(attacks(canary)["eval"]))
    assert canary.exists()


@pytest.mark.parametrize(
    "content, message",
    [
        (b"cposix\nsystem\n(S'true'\ntR.", r"asks for posix\.system, which is refused"),
        (b"(S'true'\niposix\nsystem\n.", r"posix\.system"),
        (b"(cposix\nsystem\nS'true'\no.", r"posix\.system"),
        (b"\x80\x04\x8c\x05numpy\x94\x8c\x0fdtype.__class__\x93.", r"numpy\.dtype\.__class__"),
        (b"\x80\x02\x82\x4d.", "unregistered extension"),
        (b"\x80\x02cbuiltins\nobject\ncposix\nsystem\n\x92.", r"posix\.system"),
        (b"Pid\n.", "persistent"),
        (b"ccopyreg\n_reconstructor\n(cposix\nsystem\ncbuiltins\nobject\nNtR.", r"posix\.system"),
        (b"cbuiltins\nobject\n(tR.", "only named is called"),
        (b"cnumpy\ndtype\n(S'O,(f8,M8)'\nI0\nI1\ntR.", "plain numbers"),
        (b"\x80\x02]q\x00h\x00a.", "contains itself"),
        (b"\x80\x02cnumpy\ndtype\n}S'name'\nS'numpy.ndarray'\nsb.", "damaged"),
    ],
)
def test_refusals_name_what_was_refused(content, message):
    with pytest.raises(ValueError, match=message):
        read(content)


def test_what_one_pickle_does_to_a_class_is_gone_with_it():
    # BUILD on a class with slot state sets attributes of the class itself.
    changed = b"\x80\x02cnumpy\ndtype\nN}X\x04\x00\x00\x00nameX\x0d\x00\x00\x00numpy.ndarrays\x86b."
    with pytest.raises(ValueError):
        read(changed)
    np.testing.assert_array_equal(read(pickle.dumps(np.arange(3), protocol=2)), np.arange(3))


def damaged(**state) -> bytes:
    """A sparse matrix whose state was tampered with."""
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))
    matrix.__dict__.update(state)
    return pickle.dumps(matrix, protocol=2)


@pytest.mark.parametrize(
    "state",
    [
        {"indices": np.array([0, 1, 7])},
        {"indices": np.array([0, 1, -1])},
        {"indptr": np.array([0, 1, 2, 9])},
        {"_shape": (1 << 30, 1 << 30)},
        {"_shape": "wide"},
        {"data": None},
    ],
)
def test_a_sparse_matrix_that_disagrees_with_itself_is_refused(state):
    with pytest.raises(ValueError, match="damaged"):
        read(damaged(**state))


def test_arrays_and_tensors_that_reach_past_their_bytes_are_refused():
    content = pickle.dumps(np.arange(8, dtype=np.int32), protocol=2)
    with pytest.raises(ValueError, match="32 bytes"):
        read(content.replace(b"K\x08\x85", b"K\x09\x85"))
    rebuild, args = torch.arange(4.0).__reduce_ex__(2)
    with pytest.raises(ValueError, match="damaged"):
        read(pickle.dumps(Call(rebuild, args[0], args[1], (4000,), *args[3:]), protocol=2))


def test_a_cut_off_pickle_is_explained(tmp_path):
    whole = GENUINE.read_bytes()
    for length in (0, 1, 10, 1000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pkl").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut.pkl: cut off"):
            pickles.load(tmp_path / "cut.pkl")
    (tmp_path / "noise.pkl").write_bytes(np.random.default_rng(0).bytes(2000))
    with pytest.raises(ValueError, match="noise.pkl: cut off"):
        pickles.load(tmp_path / "noise.pkl")
    with pytest.raises(FileNotFoundError, match="none.pkl"):
        pickles.load(tmp_path / "none.pkl")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_flipped_bytes_give_arrays_or_a_clear_error_and_never_a_crash():
    small = pickle.dumps({"a": np.arange(6.0).reshape(2, 3), "b": ("text", torch.arange(3))}, protocol=2)
    random = np.random.default_rng(0)
    for _ in range(300):
        content = bytearray(small)
        content[random.integers(len(content))] = random.integers(256)
        try:
            read(bytes(content))
        except ValueError:
            pass


def test_npy_files_with_objects_are_read_without_running_code(tmp_path):
    path = tmp_path / "file.npy"
    given = {"faces": torch.arange(6).reshape(2, 3), "weights": np.eye(3)}
    np.save(path, np.array(given, dtype=object), allow_pickle=True)
    found = pickles.load_npy(path)
    np.testing.assert_array_equal(found["faces"], given["faces"].numpy())
    np.save(path, np.eye(3))
    np.testing.assert_array_equal(pickles.load_npy(path), np.eye(3))
    np.save(path, np.array(Call(os.system, f"touch {tmp_path / 'ran'}"), dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="refused"):
        pickles.load_npy(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", [object, float])
def test_a_cut_off_npy_file_is_explained(kind, tmp_path):
    path = tmp_path / "file.npy"
    np.save(path, np.arange(100).astype(kind), allow_pickle=True)
    whole = path.read_bytes()
    for length in (0, 5, 50, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut off"):
            pickles.load_npy(path)
