"""Eyes of textures from photographs: crisp, alike, in the photograph's colour, whatever is reflected in them."""

import pytest
import torch

from clipface.bake.baker import Baked
from clipface.bake.eyes import USUAL, CleanEyes, eye_angles
from clipface.render.uv import UVMap

SIZE = 256
GREEN = torch.tensor([0.20, 0.32, 0.18]).view(1, 3, 1, 1)
SKIN = torch.full((1, 3, 1, 1), 0.6)


@pytest.fixture(scope="module")
def eyes(open_head):
    return CleanEyes(UVMap(open_head[0], SIZE))


def baked_eyes(colour, weight=1.0, reflection=False):
    texture = colour.expand(1, 3, SIZE, SIZE).clone()
    if reflection:
        texture[..., ::4, ::4] = 1.0
    return Baked(texture, torch.full((1, 1, SIZE, SIZE), weight))


def test_only_eyeballs_change(eyes):
    texture = torch.full((1, 3, SIZE, SIZE), 0.4)
    result = eyes(texture, baked_eyes(GREEN), SKIN)
    changed = (result != texture).any(1)
    assert changed.any() and not changed[eyes.maps.ball[:, 0] == 0].any()


def test_the_iris_has_the_photographs_colour_without_its_reflections(eyes):
    plain = eyes.colour(*(part[0] for part in baked_eyes(GREEN)))
    reflecting = eyes.colour(*(part[0] for part in baked_eyes(GREEN, reflection=True)))
    assert plain[1] > plain[0] and plain[1] > plain[2]
    assert torch.allclose(plain, reflecting, atol=0.03)


def test_an_eye_that_is_not_seen_is_brown(eyes):
    assert torch.equal(eyes.colour(*(part[0] for part in baked_eyes(GREEN, weight=0.0))), torch.tensor(USUAL))


def test_pupils_are_dark_and_whites_are_bright_in_both_eyes(eyes, open_head):
    result = eyes(torch.full((1, 3, SIZE, SIZE), 0.4), baked_eyes(SKIN), SKIN).mean(1, keepdim=True)
    uv_map = UVMap(open_head[0], SIZE)
    for name in ("right_eyeball", "left_eyeball"):
        own = uv_map.region([name])[None, None]
        pupil, white = (own & (eyes.maps.radius < 0.2)), (own & (eyes.maps.radius > 1.4) & (eyes.maps.radius < 1.8))
        assert result[pupil].mean() < 0.15 and result[white].mean() > 0.3


def test_angles_are_those_from_the_eyes_axis(open_head):
    angle, _, ball = eye_angles(UVMap(open_head[0], SIZE))
    inside = angle[ball > 0]
    assert inside.min() < 0.1 and inside.max() > 1.0


def test_eyes_in_the_shade_of_lids_stay_darker_and_reflections_do_not_brighten_them(eyes):
    texture, white = torch.full((1, 3, SIZE, SIZE), 0.4), torch.full((1, 3, 1, 1), 0.6)
    lit = eyes(texture, baked_eyes(white), SKIN)
    shaded = baked_eyes(white)
    upper = (eyes.maps.turn.sin() > 0.3).expand(1, 3, -1, -1)
    shaded.texture[upper] = 0.15
    dark = eyes(texture, shaded, SKIN)
    ball = (eyes.maps.ball > 0.5) & (eyes.maps.radius > 1.2) & (eyes.maps.radius < 2)
    above, below = (ball & part for part in (eyes.maps.turn.sin() > 0.6, eyes.maps.turn.sin() < -0.6))
    ratio = (dark / lit.clamp_min(1e-3)).mean(1, keepdim=True)
    assert ratio[above].mean() < 0.7 and ratio[below].mean() > 0.95
    bright = eyes(texture, baked_eyes(torch.ones(1, 3, 1, 1)), SKIN)
    assert bright[:, :, ball[0, 0]].max() < 0.95
