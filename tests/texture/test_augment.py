"""Adaptive augmentation: neutral at p = 0, each transform alone at p = 1, gradients, and the controller."""

import math

import pytest
import torch

from clipface.texture.augment.pipeline import GROUPS, NAMES, Augment, _Random, colour, geometry
from clipface.texture.augment.transforms import (
    band_gains,
    bands,
    colour_map,
    cut_out,
    filter_bands,
    pixel_map,
    smooth_map,
)

SIZE = 16


def certain(*transforms: str, p: float = 1.0) -> Augment:
    torch.manual_seed(0)
    augment = Augment(transforms=transforms)
    augment.probability.fill_(p)
    return augment


def batch(count: int = 8, size: int = SIZE) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("size", [SIZE, 64], ids=["whole", "patch"])
def test_nothing_happens_at_probability_zero(size):
    images = batch(size=size)
    assert torch.equal(certain(*GROUPS, p=0.0)(images), images)


def test_every_picture_changes_at_probability_one():
    images = batch(1).expand(8, -1, -1, -1)
    changed = certain(*GROUPS)(images)
    assert changed.shape == images.shape and changed.isfinite().all()
    assert ((changed - images).abs().amax((1, 2, 3)) > 0.05).all()
    assert (changed[0] - changed[1]).abs().max() > 0.05


def test_unknown_transforms_are_refused():
    with pytest.raises(ValueError, match="(?s)colour.*bgc"):
        Augment(transforms=["bgc"])


def test_share_of_changed_pictures_follows_probability():
    torch.manual_seed(0)
    draw = _Random(4000, torch.tensor(0.3), {"scale", "rotate"}, torch.device("cpu"))
    assert (draw.normal("scale", 1.0) != 0).float().mean().item() == pytest.approx(0.3, abs=0.03)
    _, moved = geometry(_Random(4000, torch.tensor(0.3), {"rotate"}, torch.device("cpu")), SIZE)
    assert moved.float().mean().item() == pytest.approx(0.3, abs=0.03)


def one_of(image: torch.Tensor, candidates: list[torch.Tensor]) -> int:
    return next(i for i, candidate in enumerate(candidates) if torch.equal(candidate, image))


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("flip", lambda x: [x, x.flip(2)]),
        ("turn", lambda x: [x.rot90(k, (1, 2)) for k in range(4)]),
        ("shift", lambda x: [shifted(x, dx, dy) for dx in range(-2, 3) for dy in range(-2, 3)]),
    ],
)
def test_a_blit_alone_copies_pixels(name, candidates):
    images = batch(64)
    found = [one_of(new, candidates(old)) for new, old in zip(certain(name)(images), images, strict=True)]
    assert len(set(found)) > min(10, len(candidates(images[0])) - 1)  # each kind occurs (of 25 shifts, most)


def shifted(x: torch.Tensor, dx: int, dy: int) -> torch.Tensor:
    size = x.shape[-1]
    mirrored = torch.cat((x.flip(1), x, x.flip(1)), 1)
    mirrored = torch.cat((mirrored.flip(2), mirrored, mirrored.flip(2)), 2)
    return mirrored[:, size + dy : 2 * size + dy, size + dx : 2 * size + dx]


@pytest.mark.parametrize(("name", "free"), [("scale", 1), ("rotate", 1), ("stretch", 1), ("move", 2)])
def test_a_geometric_transform_alone_is_its_matrix(name, free):
    torch.manual_seed(0)
    matrix, moved = geometry(_Random(200, torch.tensor(1.0), {name}, torch.device("cpu")), 64)
    assert moved.all()
    linear, shift = matrix[:, :2, :2], matrix[:, :2, 2]
    if name == "scale":
        wanted, spread = torch.diag_embed(linear[:, 0, :1].expand(-1, 2)), linear[:, 0, 0].log2().std()
        assert spread.item() == pytest.approx(0.2, rel=0.15)
    elif name == "stretch":
        wanted, spread = torch.diag_embed(torch.stack((linear[:, 0, 0], 1 / linear[:, 0, 0]), 1)), None
    elif name == "rotate":
        angle = torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
        wanted = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos()), 1).view(-1, 2, 2)
        assert angle.abs().max() > 3
    else:
        wanted = torch.eye(2).expand(200, 2, 2)
        assert shift.std(0).tolist() == pytest.approx([0.25, 0.25], rel=0.15)
    torch.testing.assert_close(linear, wanted, atol=1e-5, rtol=1e-5)
    assert (shift == 0).all() == (name != "move")


def test_maps_are_composed_in_order():
    one = torch.ones(1)
    blit = pixel_map(one, one, torch.tensor([[0.5, 0.25]]))[0]
    # flip x, then a quarter turn, then the shift: (1, 0) → (-1, 0) → (0, -1) → (0.5, -0.75)
    torch.testing.assert_close(blit @ torch.tensor([1.0, 0, 1]), torch.tensor([0.5, -0.75, 1]))
    angle = torch.tensor([math.pi / 2])
    smooth = smooth_map(one, angle, one, 0 * one, torch.tensor([[1.0, 0]]))[0]
    # (0, 1) + (1, 0) → width × 4, height × 1 → a quarter turn: (1, 1) → (4, 1) → (-1, 4)
    torch.testing.assert_close(smooth @ torch.tensor([0.0, 1, 1]), torch.tensor([-1.0, 4, 1]))


GREY = torch.full((3,), 3**-0.5)


def slow_colour(name: str, value: float, pixel: torch.Tensor) -> torch.Tensor:
    luma = (pixel @ GREY) * GREY
    if name == "brightness":
        return pixel + value
    if name == "contrast":
        return pixel * 2**value
    if name == "invert":
        return pixel - 2 * luma
    if name == "saturation":
        return luma + (pixel - luma) * 2**value
    return luma + math.cos(value) * (pixel - luma) + math.sin(value) * torch.linalg.cross(GREY, pixel)


@pytest.mark.parametrize("name", GROUPS["colour"])
def test_a_colour_transform_alone_is_its_formula(name):
    value, pixel = {"invert": 1.0}.get(name, 0.7), torch.tensor([0.3, -0.5, 0.9])
    values = {other: torch.tensor([value if other == name else 0.0]) for other in GROUPS["colour"]}
    matrix = colour_map(**values)[0]
    torch.testing.assert_close(matrix[:, :3] @ pixel + matrix[:, 3], slow_colour(name, value, pixel))
    torch.manual_seed(0)
    drawn, changed = colour(_Random(500, torch.tensor(1.0), {name}, torch.device("cpu")))
    assert changed.float().mean() > (0.4 if name == "invert" else 0.99)
    spread = {"brightness": drawn[:, 0, 3].std(), "contrast": drawn[:, 0, 0].log2().std()}
    if name in spread:
        assert spread[name].item() == pytest.approx(0.2 if name == "brightness" else 0.5, rel=0.15)


def test_colour_maps_keep_grey_grey():
    torch.manual_seed(0)
    matrix, _ = colour(_Random(1000, torch.tensor(1.0), {*GROUPS["colour"]}, torch.device("cpu")))
    moved = matrix[:, :, :3] @ GREY
    torch.testing.assert_close(moved, moved.mean(1, keepdim=True).expand_as(moved), atol=1e-5, rtol=0)
    assert (moved @ GREY).abs().log2().std().item() == pytest.approx(0.5, rel=0.1)


def test_bands_add_up_and_lie_where_they_should():
    found = bands()
    length = max(len(taps) for taps in found)
    spectra = torch.stack([
        torch.fft.rfft(torch.nn.functional.pad(torch.from_numpy(taps), ((length - len(taps)) // 2,) * 2), 256).abs()
        for taps in found
    ])  # fmt: skip
    torch.testing.assert_close(spectra.sum(0), torch.ones(129, dtype=torch.float64), atol=1e-6, rtol=0)
    assert [spectra[:, place].argmax().item() for place in (4, 23, 46, 110)] == [0, 1, 2, 3]


def test_filtering_is_the_slow_formula():
    images, strengths = batch(2).double(), torch.tensor([[0.0, 1, 0, 0], [0, 0, 0, 0]])
    gains = band_gains(strengths)
    torch.testing.assert_close(gains[1], torch.ones(4))
    power = (10 + 4 + 1 + 1) / 13
    torch.testing.assert_close(gains[0], torch.tensor([1.0, 2, 1, 1]) / power**0.5)
    filtered = filter_bands(images, gains)
    torch.testing.assert_close(filtered[1], images[1], atol=1e-5, rtol=0)
    taps = sum(
        torch.nn.functional.pad(torch.from_numpy(band) * gain, ((43 - len(band)) // 2,) * 2)
        for band, gain in zip(bands(), gains[0].double(), strict=True)
    )
    wide = torch.cat((shifted(images[0], -16, 0), images[0], shifted(images[0], 16, 0)), 2)
    wide = torch.cat((wide.flip(2)[..., :16], wide, wide.flip(2)[..., -16:]), 2)
    row = torch.stack([(wide[:, :, 32 + x - 21 : 32 + x + 22] * taps).sum(2) for x in range(SIZE)], 2)
    half = images[:1] @ (filter_matrix(gains[:1])).mT
    torch.testing.assert_close(half[0], row, atol=1e-5, rtol=0)


def filter_matrix(gains: torch.Tensor) -> torch.Tensor:
    """The matrix along one axis, read off an image that is constant along the other."""
    eye = torch.eye(SIZE, dtype=torch.float64)
    columns = [filter_bands(line.expand(1, 1, SIZE, SIZE), gains)[0, 0, SIZE // 2] for line in eye]
    steady = filter_bands(torch.ones(1, 1, SIZE, SIZE, dtype=torch.float64), gains)[0, 0, 0, 0].sqrt()
    return torch.stack(columns, 1)[None, None] / steady


def test_noise_and_cutout_alone():
    images = torch.full((400, 3, SIZE, SIZE), 0.5)
    noise = certain("noise")(images) - images
    assert noise.std().item() == pytest.approx(0.1, rel=0.15)
    cut = certain("cutout")(images)
    assert set(cut.unique().tolist()) == {0.0, 0.5}
    centre = torch.tensor([[0.5, 0.25]])
    square = cut_out(images[:1], centre, torch.ones(1), 0.5)[0, 0]
    wanted = torch.full((SIZE, SIZE), 0.5)
    wanted[:8, 4:12] = 0
    assert torch.equal(square, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_each_transform_can_be_chosen_alone(name):
    augment, images = certain(name), batch(32)
    share = ((augment(images) - images).abs().amax((1, 2, 3)) > 1e-3).float().mean().item()
    assert share > (0.3 if name in ("flip", "invert") else 0.6)


def test_gradients_are_right_twice():
    augment, images = certain(*GROUPS), batch(2, 8).double().requires_grad_()

    def same(x):
        torch.manual_seed(0)
        return augment(x)

    assert torch.autograd.gradcheck(same, images, fast_mode=True)
    assert torch.autograd.gradgradcheck(same, images, fast_mode=True)


def test_probability_rises_when_sure_and_falls_when_not():
    augment = Augment(target=0.6, images=100)
    augment.observe(torch.tensor([1.0, 2, 3, -1, 5, 6, 7, 8, 9, 10]))  # mean sign 0.8
    augment.adapt()
    assert augment.probability.item() == pytest.approx(0.1)
    augment.observe(torch.tensor([1.0, -2, 3, -1, 5]))  # 0.2
    augment.adapt()
    assert augment.probability.item() == pytest.approx(0.05)
    augment.observe(torch.full((50,), torch.nan))  # of a broken step
    augment.observe(-torch.ones(50))
    augment.adapt()
    assert augment.probability.item() == 0
