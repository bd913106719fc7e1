import pytest
import torch

from clipface.texture.linear import TextureModel, build_texture_model, load_texture_model

SIZE = 16


def _textures(count: int, latent: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(latent, 3, SIZE, SIZE, generator=generator) * 0.04
    return 0.5 + torch.einsum("nk,kchw->nchw", torch.randn(count, latent, generator=generator), directions), directions


def test_components_span_what_textures_do_in_spite_of_gaps():
    textures, _ = _textures(40)
    weight = (torch.rand(40, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) > 0.25).float()
    degraded = torch.where(weight > 0, textures, torch.tensor(0.5))  # a poor guess of what was not seen
    region = torch.ones(SIZE, SIZE, dtype=torch.bool)
    model = build_texture_model(degraded, weight, region, 3)
    rest = (textures - model.mean).flatten(1)
    basis = torch.linalg.qr(model.directions.flatten(1).T)[0]
    lost = (rest - rest @ basis @ basis.T).square().mean() / rest.square().mean()
    assert lost < 0.02


def test_coefficients_have_unit_variance_and_texels_outside_do_not_move():
    textures, _ = _textures(30)
    region = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    region[4:12, 4:12] = True
    model = build_texture_model(textures, torch.ones(30, 1, SIZE, SIZE), region, 3)
    drawn = model(torch.randn(4000, 3, generator=torch.Generator().manual_seed(2)))
    inside = region.expand(3, SIZE, SIZE)
    assert torch.allclose(drawn.std(0)[inside].mean(), textures.std(0)[inside].mean(), rtol=0.2)
    assert torch.equal(drawn[:, ~inside], model.mean[~inside].expand(4000, -1))


def test_the_shipped_model_fits_the_open_head_and_is_small(open_head):
    head, _ = open_head
    model, base = load_texture_model(head)
    texture = model(torch.zeros(2, model.count))
    assert texture.shape == (2, 3, model.size, model.size) and torch.equal(texture[0], model.mean)
    assert 0 <= base.min() and base.max() <= 1 and base.shape[0] == 3
    assert model.directions.flatten(1).norm(dim=1).diff().max() < 1e-3  # the strongest come first


def test_saved_and_loaded_it_is_the_same(open_head, tmp_path):
    head, _ = open_head
    textures, _ = _textures(10)
    model = build_texture_model(textures, torch.ones(10, 1, SIZE, SIZE), torch.ones(SIZE, SIZE) > 0, 2)
    path = model.save(tmp_path / "model.safetensors", head, textures[0].clamp(0, 1), "of nothing")
    again, base = load_texture_model(head, path)
    coefficients = torch.tensor([[1.0, -2.0]])
    assert torch.allclose(again(coefficients), model(coefficients), atol=2e-3)
    assert torch.allclose(base, textures[0].clamp(0, 1), atol=0.5 / 255 + 1e-6)


def test_a_model_of_another_head_is_not_used(open_head, tmp_path, monkeypatch):
    head, _ = open_head
    model = TextureModel(torch.zeros(3, 4, 4), torch.zeros(1, 3, 2), torch.tensor([0, 1]))
    path = model.save(tmp_path / "texture_model.safetensors", head, torch.zeros(3, 4, 4), "")
    config = path.with_suffix(".json")
    config.write_text(config.read_text().replace('"topology": "', '"topology": "x'))
    monkeypatch.setenv("CLIPFACE_DATA", str(tmp_path))
    assert load_texture_model(head) is None
    with pytest.raises(ValueError, match="another head"):
        load_texture_model(head, path)


def test_a_model_of_another_uv_map_is_refused(open_head, tmp_path):
    head, _ = open_head
    model = TextureModel(torch.zeros(3, 4, 4), torch.zeros(1, 3, 2), torch.tensor([0, 1]))
    path = model.save(tmp_path / "texture_model.safetensors", head, torch.zeros(3, 4, 4), "")
    config = path.with_suffix(".json")
    config.write_text(config.read_text().replace('"uv_map": "', '"uv_map": "x'))
    with pytest.raises(ValueError, match="texture model .*: expected UV map .*, got x.*; build it again"):
        load_texture_model(head, path)


def test_more_directions_than_textures_are_refused():
    textures, _ = _textures(4)
    with pytest.raises(ValueError, match="count"):
        build_texture_model(textures, torch.ones(4, 1, SIZE, SIZE), torch.ones(SIZE, SIZE) > 0, 4)
