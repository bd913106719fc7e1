"""What would load and mean nothing is refused, or said."""

import pickle
import shutil
import sys
import warnings

import pytest
from commands import script

from clipface import pickles
from clipface.edit.files import read_latents
from clipface.edit.loading import load_avatar
from clipface.head import load_head
from clipface.head.mesh import head_hash
from clipface.settings import HeadConfig, RendererConfig
from trainer.common.run import end_logging


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
