import numpy as np
import pytest
import torch

from clipface.shapes import expect


def test_sizes_come_back_by_name():
    assert expect("vertices", torch.zeros(2, 5, 3), ("B", "V", 3)) == {"B": 2, "V": 5}


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 4), (2, 5, 3, 1)])
def test_message_names_argument_wanted_and_given(shape):
    with pytest.raises(ValueError, match=r"vertices: expected shape \(B, V, 3\), got \(2, 5"):
        expect("vertices", torch.zeros(shape), ("B", "V", 3))


def test_one_word_is_one_size():
    with pytest.raises(ValueError, match="matrix"):
        expect("matrix", torch.zeros(3, 4), ("N", "N"))


def test_arrays_are_no_tensors():
    with pytest.raises(TypeError, match="ndarray"):
        expect("vertices", np.zeros((1, 2, 3)), ("B", "V", 3))
