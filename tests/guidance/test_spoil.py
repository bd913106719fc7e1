import torch

from clipface.guidance.degrade import degrade


def _degraded(seed: int, count: int = 32) -> torch.Tensor:
    images = torch.full((count, 3, 32, 32), 0.5)
    masks = torch.zeros(count, 1, 32, 32)
    masks[:, :, 10:22, 10:22] = 1
    return degrade(images * masks, masks, torch.Generator().manual_seed(seed))


def test_pictures_stay_pictures_and_follow_the_seed():
    first = _degraded(0)
    assert first.shape == (32, 3, 32, 32) and first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, _degraded(0)) and not torch.equal(first, _degraded(1))


def test_backgrounds_vary_and_faces_remain():
    degraded = _degraded(0, 64)
    corner, centre = degraded[:, :, 1:4, 1:4].mean((1, 2, 3)), degraded[:, :, 14:18, 14:18].mean((1, 2, 3))
    assert corner.std() > 0.2 and (corner > 0.9).sum() >= 5  # white ones among them
    assert (centre - 0.5).abs().max() < 0.3


def test_small_batches_and_small_pictures_work():
    degraded = degrade(torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16), torch.Generator().manual_seed(0))
    assert torch.isfinite(degraded).all()
