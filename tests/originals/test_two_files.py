"""Whoever has only the two files that the original names edits textures and expressions with them."""

import pickle
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from commands import script

from clipface import pickles
from clipface.edit.loading import load_avatar
from clipface.head import load_head
from clipface.head.regions import region_mask
from clipface.settings import HeadConfig, RendererConfig


def test_what_needs_more_says_which_file_brings_it(flame):
    head = load_head("flame")
    with pytest.raises(ValueError, match=r"expected none, since generic_model\.pkl has .*FLAME_masks\.pkl"):
        region_mask(head, "lips")
    with pytest.raises(ValueError, match=r"landmark_embedding\.npy"):
        head.landmarks(head()[:1])
    avatar = load_avatar(flame / "stylegan_G.pth", HeadConfig("flame"), RendererConfig())
    with pytest.raises(ValueError, match=r"FLAME_masks\.pkl and landmark_embedding\.npy beside it"):
        avatar.mask("lips")


def test_an_unneeded_key_of_an_unknown_class_does_not_stop_it(flame, tmp_path):
    arrays = pickles.load(flame / "flame" / "generic_model.pkl")
    (tmp_path / "head_template.obj").write_bytes((flame / "flame" / "head_template.obj").read_bytes())
    file = tmp_path / "generic_model.pkl"
    file.write_bytes(pickle.dumps({**arrays, "author": Fraction(1, 3), "kind": Path}, protocol=2))
    assert torch.equal(load_head("flame", file).v_template, load_head("flame").v_template)
    file.write_bytes(pickle.dumps({**arrays, "v_template": Fraction(1, 3)}, protocol=2))
    with pytest.raises(ValueError, match=r"fractions\.Fraction, which is refused"):
        load_head("flame", file)


def test_a_generated_face_moves_and_is_written(flame, tmp_path):
    given = ["--generator", str(flame / "stylegan_G.pth"), "--head", "flame", "--device", "cpu", "--mapper"]
    given += [str(flame / "expression" / "angry.pt"), "--output", str(tmp_path / "edits"), "--latents", "0:1"]
    script("edit").main([*given, "--size", "32", "--glb"])
    assert {path.suffix for path in (tmp_path / "edits" / "textures").iterdir()} == {".glb", ".png"}
