import pytest
import torch
from fitted_heads import two_heads

from clipface.bake.mask import EYEBALLS
from clipface.bake.texture import TextureBaker, plain_skin, previews
from clipface.data.faces import MaskedFaces
from clipface.data.shards import Face, ShardWriter, create_dataset
from clipface.fit.fitter import stored_images
from clipface.render.uv import UVMap

SIZE = 64


@pytest.fixture(scope="module")
def person(open_head):
    """A smooth skin, its images from two sides [2, S, S, 3], the heads in them and a baker of grey base."""
    head, renderer = open_head
    coarse = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(2))
    skin = 0.3 + 0.4 * torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic").clamp(0, 1)
    fit = two_heads(head)
    drawn = renderer(head(fit.shape, fit.expression, fit.pose), skin, fit.camera, 256, 0.0)
    crops = (drawn.image.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1)
    mask = ((drawn.mask[:, 0] > 0.5) * 255).byte()
    return skin, crops, mask, fit, TextureBaker(head, renderer, torch.full((3, 32, 32), 0.5), SIZE, unlit=0.0)


def test_two_views_make_one_texture(person):
    skin, crops, mask, fit, baker = person
    face = baker.baker.uv_map.region(["face"])
    single = (baker(fit, crops, mask) - skin).abs().mean(1)[:, face].mean(1)
    both = (baker.of_one_person(fit, crops, mask) - skin).abs().mean(1)[:, face].mean()
    assert both < single.mean() and both < 0.03


def test_textures_are_whole(person):
    _, crops, mask, fit, baker = person
    textures = baker(fit, crops, mask)
    assert textures.shape == (2, 3, SIZE, SIZE) and torch.isfinite(textures).all()
    assert 0 <= textures.min() and textures.max() <= 1
    uv_map = baker.baker.uv_map
    skin = uv_map.texels[~uv_map.region(list(EYEBALLS)).flatten()[uv_map.texels]]  # pupils are black
    assert (textures.flatten(2)[..., skin].amax(1) > 0.05).all()  # no hole


def test_a_picture_that_shows_nothing_gives_the_base(person):
    _, crops, mask, fit, baker = person
    textures = baker(fit, crops, mask * 0)
    skin = ~baker.baker.uv_map.region(list(EYEBALLS)) & baker.baker.uv_map.covered
    assert (textures[..., skin] - 0.5).abs().max() < 0.1


def test_previews_show_two_views(person, open_head):
    skin, *_, fit, _ = person
    images = previews(*open_head, fit.shape, skin.expand(2, -1, -1, -1), 48)
    assert images.shape == (2, 3, 48, 96)
    left, right = images.split(48, 3)
    assert (left - right).abs().mean() > 0.02 and images[:, :, 0, 0].min() > 0.99


def test_fitted_pictures_are_read_back(person, tmp_path):
    _, crops, mask, fit, _ = person
    create_dataset(tmp_path, "open", {})
    writer = ShardWriter(tmp_path, 0, lossless=True)
    for row in range(2):
        arrays = {name: part[row].numpy() for name, part in fit._asdict().items()} | {"camera": fit.camera[row].numpy()}
        writer.add(Face(f"face{row}", crops[row].numpy(), mask[row].numpy(), arrays))
    writer.close({})
    again, images, masks = stored_images(MaskedFaces(tmp_path, 64), [1, 0])
    assert torch.equal(images, crops[[1, 0]]) and torch.equal(masks, mask[[1, 0]])
    assert all(torch.equal(a, b[[1, 0]]) for a, b in zip(again, fit, strict=True))


def test_a_data_set_without_fits_is_refused(tmp_path):
    create_dataset(tmp_path, "open", {})
    writer = ShardWriter(tmp_path, 0)
    pixels = torch.zeros(16, 16, 3, dtype=torch.uint8).numpy()
    shapes = {"shape": 3, "expression": 2, "pose": 6}
    arrays = {name: torch.zeros(count).numpy() for name, count in shapes.items()} | {"camera": torch.eye(4).numpy()}
    writer.add(Face("painted", pixels, pixels[..., 0], arrays))
    writer.close({})
    with pytest.raises(ValueError, match="prepare_photos"):
        stored_images(MaskedFaces(tmp_path, 16), [0])


def test_lines_between_teeth_are_faint(open_head):
    head, renderer = open_head
    base = plain_skin(head, renderer, 256)
    soft = TextureBaker(head, renderer, base, 256).base[0]
    teeth = UVMap(head, 256).region(["teeth"])
    inner = torch.nn.functional.avg_pool2d(teeth[None].float(), 5, 1, 2)[0] > 0.99
    lines = [(part - torch.nn.functional.avg_pool2d(part, 5, 1, 2))[:, inner].clamp_max(0) for part in (soft, base)]
    assert lines[0].square().mean() < 0.75 * lines[1].square().mean()
    assert torch.equal(soft[:, ~teeth], base[:, ~teeth])
