"""What would load and mean nothing is refused, or said."""

import pickle
import shutil
import sys
import warnings

import pytest
import torch
from commands import script

from clipface import pickles
from clipface.bake.head_fit import HeadFit
from clipface.edit.files import read_latents
from clipface.edit.loading import load_avatar, read_mapper
from clipface.edit.mapper import FaceMapper
from clipface.edit.persons.person import Person
from clipface.head import load_head
from clipface.head.mesh import head_hash, uv_map_hash
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.published import read_generator
from trainer.common.run import end_logging

FIT = ((3,), (3,), (6,), (6,), (), (2,), (9, 3), (0,))  # sizes of the parts of a head's fit


def changed(flame, folder, **arrays):
    """Another head with the same mesh and UV map."""
    folder.mkdir()
    content = pickles.load(flame / "flame" / "generic_model.pkl") | arrays
    (folder / "generic_model.pkl").write_bytes(pickle.dumps(content, protocol=2))
    shutil.copy(flame / "flame" / "head_template.obj", folder)
    return folder / "generic_model.pkl"


def test_codes_of_another_version_of_the_head_are_told(flame, tmp_path):
    generator = str(flame / "stylegan_G.pth")
    script("sample_textures").main(
        ["--seeds", "0", "--codes-only", "--out", str(tmp_path / "codes"), "--generator", generator, "--head", "flame",
         "--device", "cpu"]
    )  # fmt: skip
    directions = pickles.load(flame / "flame" / "generic_model.pkl")["shapedirs"]
    other = changed(flame, tmp_path / "other", shapedirs=2 * directions)
    assert head_hash(load_head("flame")) != head_hash(load_head("flame", other))
    own = load_avatar(generator, HeadConfig("flame"), RendererConfig())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_latents(tmp_path / "codes" / "codes.safetensors", own)
    avatar = load_avatar(generator, HeadConfig("flame", str(other)), RendererConfig())
    with pytest.warns(UserWarning, match="coefficients of identity and expression mean something else"):
        read_latents(tmp_path / "codes" / "codes.safetensors", avatar)


def other_version(flame, folder):
    """A head with the mesh and the UV map of FLAME, and other directions: as FLAME 2023 beside FLAME 2020."""
    return changed(flame, folder, shapedirs=2 * pickles.load(flame / "flame" / "generic_model.pkl")["shapedirs"])


def test_mappers_and_persons_of_another_version_of_the_head_are_told(flame, tmp_path):
    generator, other = flame / "stylegan_G.pth", other_version(flame, tmp_path / "other")
    own, mixed = (load_avatar(generator, HeadConfig("flame", path), RendererConfig()) for path in (None, str(other)))
    sizes = own.generator.levels, own.generator.config["w_dim"], own.head.n_expression
    mapper = FaceMapper(*sizes).save(tmp_path / "mapper.safetensors", **own.origin)
    person = Person(
        torch.rand(3, 8, 8), torch.randn(sizes[:2]), HeadFit(*(torch.zeros(1, *size) for size in FIT)),
        torch.eye(3)[None], torch.ones(1, 2), own.origin,
    ).save(tmp_path / "a.person.safetensors")  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_mapper(mapper, own)
        Person.load(person, own)
    for read, file in ((read_mapper, mapper), (Person.load, person)):
        with pytest.warns(UserWarning, match=f"{file.name}: made with head .* mean something else"):
            read(file, mixed)


def test_generators_of_another_chart_are_refused(flame, tmp_path):
    with pytest.raises(ValueError, match=r"stylegan_G\.pth: expected UV map .* of open_head\.npz, got none noted"):
        load_avatar(flame / "stylegan_G.pth", HeadConfig("open"), RendererConfig())
    own = read_generator(flame / "stylegan_G.pth")
    own.config["uv_map"] = "f" * 64
    own.save(tmp_path / "generator.safetensors")
    with pytest.raises(ValueError, match=r"expected UV map .* of generic_model\.pkl, got ffffffffffff"):
        load_avatar(tmp_path / "generator.safetensors", HeadConfig("flame"), RendererConfig())


def test_levels_of_a_foreign_generator_are_told(flame, tmp_path):
    """The authors' codes and mappers say no generator, and theirs has as many levels as one trained here."""
    published = load_avatar(flame / "stylegan_G.pth", HeadConfig("flame"), RendererConfig())
    own = read_generator(flame / "stylegan_G.pth")
    own.config["uv_map"] = uv_map_hash(published.head)
    own.save(tmp_path / "generator.safetensors")
    avatar = load_avatar(tmp_path / "generator.safetensors", HeadConfig("flame"), RendererConfig())
    for read, file in ((read_latents, flame / "latents" / "train"), (read_mapper, flame / "expression" / "angry.pt")):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(file, published)
        with pytest.warns(UserWarning, match=f"{file.name}: it names no generator, got one trained here"):
            read(file, avatar)


@pytest.mark.parametrize(("scale", "shift"), [(1000, 0), (0.01, 0), (1, 3)])
def test_a_head_that_no_image_would_show_is_refused(scale, shift, flame, tmp_path):
    template = pickles.load(flame / "flame" / "generic_model.pkl")["v_template"]
    other = changed(flame, tmp_path / "other", v_template=scale * template + shift)
    with pytest.raises(ValueError, match=r"expected one in metres about the origin.*images would be blank"):
        load_avatar(flame / "stylegan_G.pth", HeadConfig("flame", str(other)), RendererConfig())


def test_each_run_of_a_sweep_has_a_record_of_its_own(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    first = wandb.init(dir=tmp_path, project="test")
    assert "wandb" in sys.modules and wandb.run is first
    end_logging()
    assert wandb.run is None
    second = wandb.init(dir=tmp_path, project="test")
    assert second.id != first.id
    end_logging()
