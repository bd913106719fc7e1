import torch

from clipface.guidance.degrade import spoil


def _spoilt(seed: int, count: int = 32) -> torch.Tensor:
    images = torch.full((count, 3, 32, 32), 0.5)
    masks = torch.zeros(count, 1, 32, 32)
    masks[:, :, 10:22, 10:22] = 1
    return spoil(images * masks, masks, torch.Generator().manual_seed(seed))


def test_pictures_stay_pictures_and_follow_the_seed():
    first = _spoilt(0)
    assert first.shape == (32, 3, 32, 32) and first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, _spoilt(0)) and not torch.equal(first, _spoilt(1))


def test_backgrounds_vary_and_faces_remain():
    spoilt = _spoilt(0, 64)
    corner, centre = spoilt[:, :, 1:4, 1:4].mean((1, 2, 3)), spoilt[:, :, 14:18, 14:18].mean((1, 2, 3))
    assert corner.std() > 0.2 and (corner > 0.9).sum() >= 5  # white ones among them
    assert (centre - 0.5).abs().max() < 0.3


def test_small_batches_and_small_pictures_work():
    spoilt = spoil(torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16), torch.Generator().manual_seed(0))
    assert torch.isfinite(spoilt).all()
