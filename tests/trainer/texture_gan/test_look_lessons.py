"""Lessons in looks, on a tiny generator."""

import pytest
import torch
from tiny_gan import optimizers, run, tiny_batch, tiny_config, tiny_gan

from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig
from clipface.synthetic.attributes import Attributes
from clipface.synthetic.looks.registry import OPTIONS, attribute_vectors
from trainer.common.callbacks import Checkpoint
from trainer.texture_gan.config import AttributeOffsetsConfig, GeneratorConfig
from trainer.texture_gan.extra_losses import pyramid_loss
from trainer.texture_gan.results import read_networks, write_networks


@pytest.fixture(scope="module")
def head_and_renderer():
    return load_head_and_renderer(HeadConfig(), RendererConfig())


@pytest.fixture
def gan(head_and_renderer):
    offsets, network = AttributeOffsetsConfig(weight=10.0, count=4, renew_every=2), GeneratorConfig(64, 8, 8, 2, 256, 8)
    return tiny_gan(*head_and_renderer, tiny_config(attribute_offsets=offsets, generator=network))


def shown(**attributes) -> set:
    vector = attribute_vectors([Attributes(**attributes)])[0]
    return {option for option, entry in zip(OPTIONS, vector, strict=True) if entry}


def test_what_is_worn_is_what_can_be_seen():
    colours = {("hair_colour", "red"), ("eyes", "blue")}
    assert shown(hair_colour="red", eyes="blue") == colours
    assert shown(hair_colour="red", eyes="blue", hair="bald") == colours  # brows and lashes have it
    assert shown(hair_colour="red", eyes="blue", look="zombie") == {("look", "zombie")}  # it has its own
    man = {"sex": "man", "beard": "goatee", "moustache": True}
    found = shown(age="old", wrinkles=True, hair_colour="red", eyes="blue", **man)
    assert found == colours | {("age", "old"), ("beard", "goatee"), ("moustache", True), ("wrinkles", True)}


def test_offsets_learn_what_is_painted_over_a_texture(gan):
    optimizer, _ = optimizers(gan)
    with torch.no_grad():
        gan.looks.paint(gan.generator.synthesis, gan.random_codes(8), 1, None)
    painted = gan.looks.textures.float() / 127.5 - 1

    def distance(offsets: bool) -> float:
        with torch.no_grad():
            codes = gan.looks.codes + (gan.looks(gan.looks.worn) if offsets else 0)
            return pyramid_loss(gan.generator.synthesis(codes, "const"), painted).item()

    assert distance(True) == distance(False)  # nothing is known at first
    for number in range(60):
        loss = gan.looks.compare(gan.generator.synthesis, number, None)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert distance(True) < 0.9 * distance(False)


def test_pictures_of_painted_faces_are_met_by_textures_with_offsets(gan, head_and_renderer):
    views, optimizer = tiny_batch(*head_and_renderer, 0), optimizers(gan)[0]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    torch.nn.init.normal_(gan.looks.offsets)
    gan.random_codes = lambda count: torch.zeros(count, gan.generator.levels, 8)
    pairs = []
    for row in (0, 1):
        attribute_vector = torch.zeros(4, len(OPTIONS))
        attribute_vector[:, 3] = row
        torch.manual_seed(0)
        pairs.append(gan.g_main(optimizer, views._replace(attribute_vector=attribute_vector))[0])
    assert not torch.allclose(*pairs)


def test_a_run_goes_on_with_its_lessons_and_another_begins_with_its_offsets(gan, head_and_renderer, tmp_path):
    run(gan, tmp_path / "whole", steps=5)
    config = gan.config
    first, second, third = (tiny_gan(*head_and_renderer, config) for _ in range(3))
    run(first, tmp_path / "parts", steps=3, callbacks=[Checkpoint(tmp_path / "parts", every=0)])
    run(second, tmp_path / "parts", steps=5, resume=str(tmp_path / "parts" / "last.ckpt"))
    for name, value in gan.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, msg=lambda text, name=name: f"{name}: {text}")
    write_networks(gan, tmp_path)
    read_networks(tmp_path, third)
    torch.testing.assert_close(third.looks.offsets, gan.looks.offsets, atol=1e-3, rtol=1e-3)  # float16
    assert (tmp_path / "images" / "0000005_looks.png").exists()
    third.looks.offsets = torch.nn.Parameter(torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match="offsets"):
        read_networks(tmp_path, third)
