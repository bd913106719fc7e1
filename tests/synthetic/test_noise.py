import torch

from clipface.synthetic.face.curves import inside, spline, step, to_curve
from clipface.synthetic.noise import NoiseBank

SIZE = 48


def plane() -> torch.Tensor:
    """[SIZE, SIZE, 3] positions of a sheet one tenth of a metre wide, slanting in depth."""
    y, x = torch.meshgrid(torch.linspace(0, 0.1, SIZE), torch.linspace(0, 0.1, SIZE), indexing="ij")
    return torch.stack([x, y, 0.5 * x], -1)


def test_fields_are_standard_normal_and_new_for_each_face():
    bank = NoiseBank(plane(), {"coarse": 0.02, "fine": 0.005}, size=8)
    fields = bank.sample("fine", 64, torch.Generator().manual_seed(0))
    assert fields.shape == (64, 1, SIZE, SIZE)
    assert abs(float(fields.mean())) < 0.1 and 0.85 < float(fields.std()) < 1.15
    likeness = torch.corrcoef(fields.flatten(1)) - torch.eye(64)
    assert float(likeness.abs().median()) < 0.5


def test_wavelength_sets_the_scale():
    bank = NoiseBank(plane(), {"coarse": 0.03, "fine": 0.006}, size=8)
    generator = torch.Generator().manual_seed(0)

    def roughness(name: str) -> float:
        field = bank.sample(name, 8, generator)
        return float((field[..., 1:] - field[..., :-1]).square().mean())

    assert roughness("fine") > 6 * roughness("coarse")


def test_fractal_keeps_unit_variance():
    bank = NoiseBank(plane(), {"a": 0.02, "b": 0.01, "c": 0.005}, size=8)
    field = bank.fractal(("a", "b", "c"), 64, torch.Generator().manual_seed(1))
    assert 0.8 < float(field.std()) < 1.2


def test_spline_goes_through_its_points():
    points = torch.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0], [4.0, 4.0]])
    distance = torch.cdist(points, spline(points, 601)).amin(1)
    assert float(distance.max()) < 0.02


def test_distance_and_side_of_a_curve():
    curve = torch.stack([torch.linspace(0, 1, 101), torch.zeros(101)], 1)
    distance, place, offset = to_curve(torch.tensor([[0.25, 0.1], [0.5, -0.2]]), curve)
    assert torch.allclose(distance, torch.tensor([0.1, 0.2]), atol=1e-5)
    assert torch.allclose(place, torch.tensor([0.25, 0.5]), atol=1e-5)
    assert offset[0, 1] > 0 > offset[1, 1]


def test_inside_and_step():
    square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    assert inside(torch.tensor([[0.5, 0.5], [1.5, 0.5], [0.5, -0.1]]), square).tolist() == [True, False, False]
    value = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert step(0, 1, value).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert torch.allclose(step(1, 0, value), 1 - step(0, 1, value))
