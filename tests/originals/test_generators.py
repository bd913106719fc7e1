"""`stylegan_G.pth` wherever a generator is named."""

from types import SimpleNamespace

import pytest
import torch
from commands import script
from safetensors.torch import load_file

from clipface.head import load_head
from clipface.texture.published import read_generator, read_published_generator
from scripts.recipes.originals_build.sizes import SMALL
from trainer.mapper.config import MapperConfig
from trainer.texture_gan.config import GeneratorConfig
from trainer.texture_gan.results import read_networks


def module(originals, mapping_layers=SMALL.mapping_layers):
    """What `read_networks` asks of a module in training, with real networks."""
    from clipface.texture.generator import TextureGenerator

    sizes = GeneratorConfig(
        SMALL.resolution, SMALL.dim, SMALL.dim, mapping_layers, SMALL.channel_base, SMALL.channel_max
    )
    networks = [TextureGenerator(**vars(sizes)) for _ in range(2)]
    head = load_head("flame", originals / "flame" / "generic_model.pkl")
    return SimpleNamespace(generator=networks[0], average=networks[1], head=head, looks=None)


def test_the_door_reads_both_kinds(originals, tmp_path):
    published = read_published_generator(originals / "stylegan_G.pth")
    assert torch.equal(read_generator(originals / "stylegan_G.pth").mapping.w_avg, published.mapping.w_avg)
    published.save(tmp_path / "own.safetensors", half=False)
    z = torch.randn(1, SMALL.dim)
    assert torch.equal(read_generator(tmp_path / "own.safetensors")(z), published(z))


def test_the_trainer_begins_with_it(originals):
    started = module(originals)
    read_networks(originals / "stylegan_G.pth", started)
    wanted, z = read_published_generator(originals / "stylegan_G.pth"), torch.randn(2, SMALL.dim)
    assert torch.equal(started.generator(z), wanted(z)) and torch.equal(started.average(z), wanted(z))
    with pytest.raises(ValueError, match="mapping_layers 2; give generator.mapping_layers=2"):
        read_networks(originals / "stylegan_G.pth", module(originals, mapping_layers=3))


def test_samples_are_written(flame, tmp_path):
    given = ["--generator", str(flame / "stylegan_G.pth"), "--head", "flame", "--device", "cpu"]
    script("sample_textures").main(["--seeds", "0-3", "--codes-only", "--out", str(tmp_path), *given])
    assert load_file(tmp_path / "codes.safetensors")["train"].shape == (2, SMALL.levels - 2, SMALL.dim)


def test_a_run_notes_where_its_files_are_whatever_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notes = MapperConfig(generator="stylegan_G.pth").notes
    assert notes["generator"] == str(tmp_path / "stylegan_G.pth")
    assert notes["head"]["path"] is None and notes["guidance"]["weights"] is None
