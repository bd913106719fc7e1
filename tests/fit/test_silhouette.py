import numpy as np
import torch
from scipy import ndimage

from clipface.fit.photometric import distance_outside, sticking_out


def test_distance_is_the_exact_euclidean_one():
    masks = torch.rand(2, 17, 23, generator=torch.Generator().manual_seed(0)) > 0.97
    expected = np.stack([ndimage.distance_transform_edt(~mask) for mask in masks.numpy()])
    assert np.allclose(distance_outside(masks), expected, atol=1e-4)


def test_an_empty_mask_pulls_nothing():
    assert not distance_outside(torch.zeros(1, 8, 8, dtype=torch.bool)).any()


def test_points_are_drawn_back_into_the_mask():
    mask = torch.zeros(1, 32, 32, dtype=torch.bool)
    mask[:, 8:24, 8:24] = True
    places = torch.tensor([[[0.0, 0.0], [0.9, 0.0], [0.0, -0.8]]], requires_grad=True)
    away = sticking_out(places, distance_outside(mask))
    away.sum().backward()
    assert away[0, 0] == 0 and abs(away[0, 1] - 0.4) < 0.05 and abs(away[0, 2] - 0.3) < 0.05
    assert places.grad[0, 1, 0] > 0 and places.grad[0, 2, 1] < 0  # descent goes inwards
