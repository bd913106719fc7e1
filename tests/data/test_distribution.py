"""The distribution of fitted heads: measured, saved, drawn from."""

import numpy as np
import pytest
import torch

from clipface.data import FitDistribution


def heads(count, shapes=4, expressions=3):
    random = np.random.default_rng(0)
    shape = random.normal(size=(count, shapes)) @ np.diag([3, 1, 0.5, 0.1]) + 2
    pose = random.normal(size=(count, 6)) * 0.1
    return {
        "shape": shape, "expression": random.uniform(0, 1, (count, expressions)), "pose": pose,
        "eye_pose": random.normal(size=(count, 6)) * 0.05, "scale": np.exp(random.normal(size=count) * 0.1 + 2),
        "translation": np.stack([pose[:, 1] * 0.2, pose[:, 0] * 0.1], 1),
    }  # fmt: skip


def test_samples_have_the_moments_of_the_heads():
    given = heads(4000)
    drawn = FitDistribution.fit(given, [False] * 3).sample(20000, torch.Generator().manual_seed(0))
    for name, values in given.items():
        sample = drawn[name].numpy()
        assert sample.shape[1:] == values.shape[1:]
        np.testing.assert_allclose(sample.mean(0), values.mean(0), atol=0.05 * values.std())
        np.testing.assert_allclose(sample.std(0), values.std(0), rtol=0.05)
    # What belongs together stays together: the place follows the turn.
    assert np.corrcoef(drawn["pose"][:, 1], drawn["translation"][:, 0])[0, 1] > 0.99


@pytest.mark.parametrize("count", [1, 2, 5])
def test_fewer_heads_than_parameters_still_give_a_distribution(count):
    given = heads(count)
    distribution = FitDistribution.fit(given, [False] * 3)
    factor = distribution.factor()
    np.testing.assert_allclose(factor @ factor.T, distribution.covariance, atol=1e-6)
    assert factor.shape[1] <= count - 1
    drawn = distribution.sample(3, torch.Generator().manual_seed(0))
    if count == 1:
        np.testing.assert_allclose(drawn["shape"], np.repeat(given["shape"], 3, 0), rtol=1e-5)
        np.testing.assert_allclose(drawn["scale"], np.repeat(given["scale"], 3), rtol=1e-5)


def test_named_slots_stay_within_0_and_1_and_others_need_not():
    given = heads(50)
    given["expression"] = given["expression"] * 4 - 2
    drawn = FitDistribution.fit(given, [True, True, False]).sample(500, torch.Generator().manual_seed(0))
    named, free = drawn["expression"][:, :2], drawn["expression"][:, 2]
    assert named.min() == 0 and named.max() == 1 and free.min() < -1


def test_saved_and_loaded_is_the_same(tmp_path):
    distribution = FitDistribution.fit(heads(20), [True, False, True])
    distribution.save(tmp_path / "d.npz")
    loaded = FitDistribution.load(tmp_path / "d.npz")
    one, other = (d.sample(2, torch.Generator().manual_seed(3)) for d in (distribution, loaded))
    assert loaded.count == 20 and all(torch.equal(one[name], other[name]) for name in one)
    (tmp_path / "d.npz").write_bytes((tmp_path / "d.npz").read_bytes()[:200])
    with pytest.raises(ValueError, match="damaged"):
        FitDistribution.load(tmp_path / "d.npz")
    with pytest.raises(FileNotFoundError, match="prepare_photos"):
        FitDistribution.load(tmp_path / "none.npz")


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="got no translation"):
        FitDistribution.fit({name: value for name, value in heads(3).items() if name != "translation"}, [False] * 3)
    broken = heads(3)
    broken["pose"][1, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        FitDistribution.fit(broken, [False] * 3)
