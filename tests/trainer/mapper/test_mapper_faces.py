"""A prompt trained for one person."""

from dataclasses import replace

import pytest
import torch
from tiny_person import checked_person

from clipface.edit.loading import load_avatar
from clipface.edit.persons.person import Person
from clipface.settings import FacesConfig, HeadConfig, RendererConfig
from trainer.common.config import TrainerConfig
from trainer.mapper.config import LearningRates, MapperConfig, PromptConfig
from trainer.mapper.train import build, train

SIZE = 64


@pytest.fixture
def person(tiny_files, monkeypatch, tmp_path) -> Person:
    """Somebody with a checked skin, in a file."""
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    avatar = load_avatar(None, HeadConfig(), RendererConfig())
    person = checked_person(avatar, SIZE)
    person.save(tmp_path / "me.person.safetensors")
    return person


@pytest.fixture
def config(person, tmp_path) -> MapperConfig:
    return MapperConfig(
        batch_size=2, image_size=32, validation=2, prompt=PromptConfig("zombie", "a photo of a zombie"),
        learning_rate=LearningRates(0.05, 0.05), trainer=TrainerConfig(steps=3, log_every=1),
        faces=FacesConfig(persons=[str(tmp_path / "me.person.safetensors")]), max_yaw=30.0, texture_size=16,
    )  # fmt: skip


def test_every_view_shows_the_person_whose_texture_an_edit_changes(config, person):
    module = build(config)
    faces, texture, _ = module.sample(range(2))
    assert texture.shape == (2, 3, 16, 16) and torch.equal(texture[0], texture[1])
    torch.testing.assert_close(texture.mean((0, 2, 3)), person.texture.mean((1, 2)), atol=0.01, rtol=0)
    assert torch.equal(faces.codes.shape, person.fit.shape.expand(2, -1)), "the person's head"
    assert not torch.equal(faces.camera[0], faces.camera[2]), "from other sides"
    before = module.edit(faces, texture)
    torch.testing.assert_close(before.texture, texture, atol=1e-5, rtol=0)
    before.images.square().mean().backward()
    moved = [part.weights[-1].grad.abs().sum() for part in module.mapper.parts()]
    assert all(gradient > 0 for gradient in moved), "a mapper that changes nothing yet learns"
    for part in module.mapper.parts():
        part.start_at_random()
    after = module.edit(faces, texture)
    assert not torch.equal(after.texture, texture) and not torch.equal(after.vertices, before.vertices)
    evaluation = module.evaluate()
    assert evaluation.textures[0].shape == (1, 3, SIZE, SIZE) and torch.equal(evaluation.textures[0][0], person.texture)


def test_a_step_paints_the_edited_codes_alone(config):
    module, painted = build(config), []
    faces, texture, _ = module.sample(range(2))
    module.avatar.generator.synthesis.register_forward_hook(lambda _, given, __: painted.append(len(given[0])))
    module.edit(faces, texture)
    assert painted == [2], "what the person's code paints is known from the start"


def test_a_run_for_a_person_writes_its_results(config, tmp_path, capsys):
    result = train(config, tmp_path / "run")
    assert result.status == "done" and (tmp_path / "run/mapper.safetensors").is_file()
    assert "on 1 validation faces" in capsys.readouterr().out


def test_people_with_textures_of_two_sizes_are_trained_on_together(config, person, tmp_path):
    side = SIZE // 2
    other = replace(person, texture=person.texture[:, :side, :side] * 0.5)
    path = other.save(tmp_path / "other.person.safetensors")
    config = replace(config, faces=FacesConfig(persons=[*config.faces.persons, str(path)]))
    textures = build(config).evaluate().textures[0]
    assert torch.equal(textures[0], person.texture), "the finer one as it is"
    assert textures[1].shape == (3, SIZE, SIZE) and (textures[1].mean() - other.texture.mean()).abs() < 0.01


def test_faces_of_two_kinds_are_refused():
    with pytest.raises(ValueError, match="faces: expected one of latents, photos and persons, got latents and photos"):
        FacesConfig(latents="0:2", photos=["me.jpg"])
