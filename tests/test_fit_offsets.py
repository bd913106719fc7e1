"""The recipe that fits looks to a finished generator, with the command's options."""

import torch
from commands import script
from tiny_anchored import write_textures

from clipface import weights
from clipface.synthetic.looks.registry import OPTIONS
from clipface.texture.generator import TextureGenerator
from clipface.texture.linear import LinearTextures
from scripts.recipes.offsets_build.fit import fit


def test_looks_come_nearer_to_what_is_painted(tmp_path, capsys):
    torch.manual_seed(0)
    size, textures = 64, write_textures(tmp_path / "textures", size=64)
    generator = TextureGenerator(size, 8, 16, 2, 256, 16, normalise_z=False)
    generator.save(tmp_path / "generator.safetensors")
    LinearTextures(torch.zeros(3, 8, 8), 0.1 * torch.randn(4, 3, 8, 8)).save(
        tmp_path / "linear_textures.safetensors", None, "of noise"
    )
    zeros = torch.zeros(len(OPTIONS), generator.levels, 16)
    weights.save(tmp_path / "looks.safetensors", {"offsets": zeros}, {"options": OPTIONS, "kept": 7})
    options = script("recipes/fit_offsets").parse(
        ["--textures", str(textures), "--generator", str(tmp_path / "generator.safetensors"), "--count", "2",
         "--batch", "2", "--steps", "4", "--rate", "0.002", "--out", str(tmp_path / "new.safetensors")]
    )  # fmt: skip
    fit(options)
    said = [line.split(": ")[1].split() for line in capsys.readouterr().out.splitlines() if "is missed" in line]
    # An untrained generator cannot change freckles alone, but whole faces.
    whole = [line for (name, _), line in zip(OPTIONS, said, strict=True) if name == "look"]
    assert all(float(line[2]) < float(line[0]) for line in whole)
    tensors, notes = weights.load(tmp_path / "new.safetensors")
    assert tensors["offsets"].abs().amax((1, 2)).min() > 0 and notes["kept"] == 7
