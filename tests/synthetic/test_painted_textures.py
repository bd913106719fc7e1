import pytest
import torch

from clipface.synthetic.looks.registry import OPTIONS
from clipface.synthetic.painted_textures import paint_option

R = 64


def option(name, value):
    return OPTIONS.index((name, value))


@pytest.fixture
def bases():
    tones = torch.tensor([[0.85, 0.66, 0.58], [0.62, 0.45, 0.36], [0.32, 0.21, 0.16]])
    return tones[:, :, None, None].expand(3, 3, R, R).contiguous()


def test_one_option_is_one_pattern_on_every_face(painter, bases):
    zombies = paint_option(painter.painter, option("look", "zombie"), bases[:1].repeat(3, 1, 1, 1), 1)
    assert torch.equal(zombies[0], zombies[1]) and torch.equal(zombies[0], zombies[2])
    alone = paint_option(painter.painter, option("look", "zombie"), bases[:1], 1)
    torch.testing.assert_close(zombies[:1], alone, rtol=0, atol=1e-5)  # some processors round by the batch
    other = paint_option(painter.painter, option("look", "zombie"), bases[:1], 2)
    assert not torch.equal(zombies[:1], other)


@pytest.mark.parametrize("number", range(len(OPTIONS)))
def test_an_option_changes_every_skin_and_leaves_the_bases_alone(painter, bases, number):
    kept = bases.clone()
    painted = paint_option(painter.painter, number, bases, 0)
    assert torch.equal(bases, kept) and painted.shape == bases.shape
    assert torch.isfinite(painted).all() and painted.min() >= 0 and painted.max() <= 1
    if OPTIONS[number][0] != "hair_colour":  # these skins have no brows to dye
        assert ((painted - bases).abs().amax((1, 2, 3)) > 0.03).all()


@pytest.mark.parametrize("name", ["lipstick", "eyes", "beard"])
def test_paint_stays_where_it_belongs(painter, bases, name):
    at = painter.painter.features
    forehead = (at.blob(0, at.brow_top + 20, 25, 9)[0, 0] > 0.5) & (at.ears[0, 0] < 0.1)
    for number, (kind, _) in enumerate(OPTIONS):
        if kind == name:
            changed = (paint_option(painter.painter, number, bases, 0) - bases).abs()
            assert float(changed[..., forehead].max()) < 0.01
            if name == "eyes":
                assert float((changed * (at.eyeball < 0.01)).max()) < 0.01


def test_no_look_brings_hair(painter, bases):
    crown = painter.painter.features.above_hairline[0, 0] > 25
    for look in ("vampire", "joker", "barbie"):
        painted = paint_option(painter.painter, option("look", look), bases[:1], 0)[0][:, crown]
        assert float(painted.std(dim=1).max()) < 0.06  # skin, made up or not, but no strands


def test_eye_colours_change_the_iris_alone(painter, bases):
    eyes, ball = painter.painter.eyes, painter.painter.features.eyeball
    painted = [paint_option(painter.painter, option("eyes", name), bases, 0) for name in ("blue", "brown")]
    white = (ball > 0.9) & (eyes.radius > 1.2)
    assert torch.equal(painted[0].masked_select(white), bases.masked_select(white))
    iris = ((ball > 0.9) & (eyes.radius > 0.5) & (eyes.radius < 0.9)).expand_as(bases)
    blue, brown = (image[iris].view(3, 3, -1).mean(2) for image in painted)
    assert (blue[:, 2] > 1.3 * blue[:, 0]).all() and (brown[:, 0] > 1.3 * brown[:, 2]).all()
