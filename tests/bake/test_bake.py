import pytest
import torch
from fitted_heads import two_heads

from clipface.bake.baker import Baked, Baker
from clipface.bake.completion import complete, spread_out
from clipface.bake.head_fit import shading, white_light
from clipface.bake.mask import EYEBALLS
from clipface.bake.means import box_mean, greatest
from clipface.render.shading import vertex_normals

SIZE = 64


@pytest.fixture(scope="module")
def head(open_head):
    return open_head[0]


@pytest.fixture(scope="module")
def drawn(open_head):
    return open_head[1]


@pytest.fixture(scope="module")
def facing(head):
    return two_heads(head)


@pytest.fixture(scope="module")
def baker(open_head):
    return Baker(*open_head, SIZE)


@pytest.fixture(scope="module")
def uv_map(baker):
    return baker.uv_map


def _smooth_texture(size: int = SIZE) -> torch.Tensor:
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(4))
    return 0.2 + 0.6 * torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)


def _draw(head, renderer, fit, texture, light=None):
    vertices = head(fit.shape, fit.expression, fit.pose, None, fit.eye_pose)
    shade = None if light is None else shading(vertex_normals(vertices, head.faces), light)
    image = renderer(vertices, texture, fit.camera, 256, 0.0, light=shade).image
    return (image.permute(0, 2, 3, 1).clamp(0, 1) * 255).round().byte()


def test_a_drawn_texture_is_baked_back(head, drawn, facing, baker, uv_map):
    texture = _smooth_texture()
    images = _draw(head, drawn, facing, texture)
    baked = baker.bake(facing, images, torch.ones(2, 256, 256))
    face = uv_map.region(["face"])
    seen = (baked.weight > 0.9)[:, 0] & face
    away = (baked.texture - texture).abs().mean(1)
    assert seen[:, face].float().mean() > 0.5
    assert away[seen].mean() < 0.01 and away[seen].quantile(0.97) < 0.05


def test_what_lies_behind_is_not_seen(head, facing, baker, uv_map):
    baked = baker.bake(facing, torch.zeros(2, 256, 256, 3, dtype=torch.uint8), torch.ones(2, 256, 256))
    back = uv_map.image(uv_map.on_texels(head.v_template[None]))[0, 2] < -0.1  # head frame, metres
    assert not baked.weight[0, 0, back].any()
    # The second head is turned: of the nose, the side away from the viewer is hidden.
    left, right = (uv_map.on_texels(head.v_template[None])[0, :, 0] * side > 0.004 for side in (-1, 1))
    nose = uv_map.region(["nose"]).flatten()[uv_map.texels]
    weight = baked.weight[1].flatten()[uv_map.texels]
    assert abs(weight[nose & left].mean() - weight[nose & right].mean()) > 0.3


def test_masked_pixels_are_not_baked(facing, baker):
    mask = torch.ones(2, 256, 256)
    mask[0] = 0
    baked = baker.bake(facing, torch.full((2, 256, 256, 3), 200, dtype=torch.uint8), mask)
    assert not baked.weight[0].any() and baked.weight[1].any() and not baked.texture[0].any()


def test_light_is_found_and_taken_out(head, drawn, facing, baker, uv_map):
    texture, light = _smooth_texture(), white_light(2)
    light[:, 1, :] = torch.tensor([0.2, -0.15])[:, None]
    baked = baker.bake(facing, _draw(head, drawn, facing, texture * 0.8, light), torch.ones(2, 256, 256))
    found = baker.light(facing, baked, texture * 0.8)
    normals = baker.normals(facing)
    seen = baked.weight[:, 0].flatten(1)[:, uv_map.texels] > 0.9
    assert (shading(normals, found) - shading(normals, light))[seen].abs().mean() < 0.02
    unlit = baker.without_light(facing._replace(light=found), baked)
    seen = ((baked.weight > 0.9) & uv_map.region(["face"])).expand_as(baked.texture)
    before, after = ((part / (texture * 0.8)) for part in (baked.texture, unlit.texture))
    assert after[seen].std() < 0.5 * before[seen].std()


def test_the_mirror_image_of_a_texel_is_on_the_other_side(head, uv_map):
    assert (uv_map.mirror >= 0).sum() > 0.99 * len(uv_map.texels)
    place = uv_map.image(uv_map.on_texels(head.v_template[None]))
    surface = uv_map.mirror.view(SIZE, SIZE) >= 0
    assert (uv_map.flipped(place) * torch.tensor([-1.0, 1, 1]).view(1, 3, 1, 1) - place)[
        :, :, surface
    ].abs().max() < 5e-3


def test_unseen_skin_is_the_other_sides(head, uv_map):
    texture = _smooth_texture()
    texture = (texture + uv_map.flipped(texture)) / 2
    x = uv_map.image(uv_map.on_texels(head.v_template[None]))[0, 0]
    face = uv_map.region(["face"])
    weight = (face & (x > -0.01)).float()[None, None]
    whole = complete(uv_map, Baked(texture * weight, weight), torch.full((1, 3, SIZE, SIZE), 0.5))
    filled = uv_map.region(["eye_region"]) & (x < -0.03)
    assert filled.any() and (whole - texture)[0][:, filled].abs().mean() < 0.04


def test_the_rest_takes_the_persons_colour_without_a_seam(uv_map):
    colour = torch.tensor([0.5, 0.3, 0.2]).view(1, 3, 1, 1)
    weight = uv_map.region(["face"]).float()[None, None]
    base = 0.6 + 0.1 * torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    whole = complete(uv_map, Baked(colour * weight, weight), base)
    scalp = uv_map.region(["scalp"])
    assert (whole[0][:, scalp].mean(1) - colour.flatten()).abs().max() < 0.02
    assert whole[0][:, uv_map.region(["face"])].sub(colour.view(3, 1)).abs().median() < 1e-3
    eyes = whole[0][:, uv_map.region(list(EYEBALLS))]
    assert torch.isfinite(whole).all() and eyes.std() > 0.01  # the base's own, not the skin's colour


def test_batch_and_single_agree(uv_map):
    textures = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(7))
    weight = (torch.rand(3, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(8)) > 0.2).float()
    base = _smooth_texture()
    together = complete(uv_map, Baked(textures, weight), base)
    assert torch.allclose(complete(uv_map, Baked(textures[1:2], weight[1:2]), base), together[1:2], atol=1e-5)


def test_values_are_continued_smoothly():
    values = torch.zeros(1, 1, 64, 64)
    weight = torch.zeros(1, 1, 64, 64)
    values[..., :10], values[..., 54:] = 1.0, 3.0
    weight[..., :10] = weight[..., 54:] = 1.0
    spread = spread_out(values, weight)[0, 0, 32]
    assert torch.allclose(spread[:10], values[0, 0, 32, :10], atol=1e-4)
    assert 1 <= spread.min() + 1e-4 and spread.max() <= 3 + 1e-4 and 1.5 < spread[32] < 2.5
    assert (spread[1:] - spread[:-1]).abs().max() < 0.3


def test_another_size_is_refused(uv_map):
    with pytest.raises(ValueError, match="base"):
        complete(uv_map, Baked(torch.zeros(1, 3, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE)), torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize("width", [1, 3, 7, 13, 37])
def test_means_and_greatest_values_over_squares_leave_out_what_lies_beyond(width):
    image = torch.rand(2, 3, 20, 25, generator=torch.Generator().manual_seed(0)) - 0.5
    half = width // 2
    for row, column in ((0, 0), (10, 24), (19, 12), (9, 11)):
        part = image[..., max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
        torch.testing.assert_close(box_mean(image, width)[..., row, column], part.mean((2, 3)))
        assert torch.equal(greatest(image, width)[..., row, column], part.amax((2, 3)))
