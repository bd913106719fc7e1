"""The authors' files: read under their names, and nothing in them is run."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from clipface.edit.files import read_latents
from clipface.texture.published import load_published, read_published_generator

GOLDEN = Path(__file__).parents[1] / "golden" / "published_checkpoint_32.npz"


class Trap:
    """A pickle of this object writes a file when it is read as code."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_generator_file_is_read(tmp_path):
    prefix = "generator/"
    with np.load(GOLDEN) as arrays:
        state = {k[len(prefix) :]: torch.from_numpy(arrays[k]) for k in arrays.files if k.startswith(prefix)}
        w_plus, texture = torch.from_numpy(arrays["w_plus"]), torch.from_numpy(arrays["texture"])
    torch.save(state, tmp_path / "stylegan_G.pth")
    generator = read_published_generator(tmp_path / "stylegan_G.pth")
    with torch.no_grad():
        torch.testing.assert_close(generator.synthesis(w_plus[:, : generator.levels]), texture, atol=1e-4, rtol=0)
    state.pop("mapping.w_avg")
    torch.save(state, tmp_path / "lacking.pth")
    with pytest.raises(ValueError, match="w_avg"):
        read_published_generator(tmp_path / "lacking.pth")


def test_code_file_keeps_apart_the_levels_that_no_texture_reads(tmp_path):
    code = torch.randn(18, 8)
    torch.save(code, tmp_path / "code.pt")
    head = SimpleNamespace(n_expression=2, n_shape=3, v_template=torch.zeros(1, 3), uv_map_changed=False)
    avatar = SimpleNamespace(
        generator=SimpleNamespace(levels=16, config={"w_dim": 8}), head=head, origin={}, carrier=None
    )
    codes = read_latents(tmp_path / "code.pt", avatar)
    torch.testing.assert_close(codes.w_plus, code[None, :16])
    torch.testing.assert_close(codes.unread, code[None, 16:])  # for the authors' mappers of expression
    avatar.generator.levels = 20
    with pytest.raises(ValueError, match="20 or 22"):
        read_latents(tmp_path / "code.pt", avatar)


def test_code_in_a_file_is_not_run(tmp_path):
    torch.save({"weight": Trap(str(tmp_path / "trapped"))}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="more than tensors"):
        load_published(tmp_path / "evil.pt")
    assert not (tmp_path / "trapped").exists()


def test_missing_and_cut_off_files_are_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_published(tmp_path / "none.pt")
    torch.save(torch.randn(100), tmp_path / "whole.pt")
    (tmp_path / "half.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:300])
    with pytest.raises(ValueError, match="cut off"):
        load_published(tmp_path / "half.pt")
