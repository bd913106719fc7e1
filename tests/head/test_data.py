import numpy as np
import pytest

from clipface.head import HeadModel


def degrade(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array.flat[5] = value
    return array


@pytest.mark.parametrize(
    "name, change, message",
    [
        ("v_template", lambda a: degrade(a, np.nan), "v_template: finite numbers, got 1 that are NaN"),
        ("v_template", lambda a: a[:, :2], r"v_template: shape \(any, 3\), got \(48, 2\)"),
        ("faces", lambda a: degrade(a, 48), "f: indices from 0 to 47, got 0 to 48"),
        ("faces", lambda a: degrade(a, -1), "f: indices"),
        ("faces", lambda a: a.astype(np.float32), "f: integers, got type float32"),
        ("shapedirs", lambda a: a[:-1], r"shapedirs: shape \(48, 3, any\), got \(47, 3, 7\)"),
        ("expression_dirs", lambda a: a[..., 0], "expression_dirs: shape"),
        ("posedirs", lambda a: a[:40], r"posedirs: shape \(48, 3, 36\), got \(40, 3, 36\)"),
        ("posedirs", lambda a: degrade(a, np.inf), "posedirs: finite"),
        ("J_regressor", lambda a: a[:4], "J_regressor: shape"),
        ("weights", lambda a: a.T, "weights: shape"),
        ("weights", lambda a: a * 2, "weights: rows of non-negative numbers that sum to 1"),
        ("parents", lambda a: a[:4], "kintree_table: shape"),
        ("parents", lambda a: np.array([-1, 2, 1, 1, 1]), "kintree_table: -1 for the root"),
        ("parents", lambda a: np.array([0, 0, 1, 1, 1]), "kintree_table: -1 for the root"),
        ("uv", lambda a: degrade(a, np.nan), "vt: finite"),
        ("uv_faces", lambda a: a[1:], "ft: shape"),
        ("uv_faces", lambda a: degrade(a, 1000), "ft: indices"),
        ("landmark_faces", lambda a: degrade(a, 1000), "landmark_faces: indices"),
        ("landmark_barycentric", lambda a: a[1:], "landmark_barycentric: shape"),
        ("regions", lambda a: {"top": np.array([48])}, "region top: indices"),
        ("expression_covariance", lambda a: a[1:], "expression_covariance: shape"),
        ("expression_names", lambda a: a * 3, "expression_names: at most 4"),
    ],
)
def test_arrays_that_disagree_are_named(tube_data, name, change, message):
    setattr(tube_data, name, change(getattr(tube_data, name)))
    with pytest.raises(ValueError, match="tube: " + message.replace(": ", ": expected ", 1)):
        HeadModel(tube_data)
