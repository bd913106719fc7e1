"""What lies beside weights, in sessions, tables and images is what its reader takes it for, or refused in one line."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from clipface.files import read_table
from clipface.photos.masks import read_mask
from clipface.texture.convert import convert_files
from scripts.measure.fuzzing.campaign import valid_file
from scripts.measure.fuzzing.readers import READERS

BY_NAME = {reader.name: reader for reader in READERS}


@pytest.mark.parametrize(
    ("name", "file", "place", "value"),
    [
        ("runs of mappers", "run/mapper.json", ("mapper", "region"), []),
        ("runs of mappers", "run/mapper.json", ("psi",), "x"),
        ("runs of mappers", "run/mapper.json", ("prompt",), [1]),
        ("runs of mappers", "run/mapper.json", ("head", "name"), "x"),
        ("people", "people.json", ("sliders", 0, "step"), None),
        ("looks", "looks.json", ("options",), None),
        ("maps between heads", "from_open.json", ("source", "uv_map"), None),
        ("text mappers", "text_mapper.json", ("guidance", "model"), 3),
        ("text mappers", "text_mapper.json", ("guidance", "model"), "x"),
        ("sentence encoders", "bert/config.json", ("hidden_size",), 10**9),
        ("sentence encoders", "bert/config.json", ("num_hidden_layers",), 10**9),
        ("sessions", "session.json", ("entries", 1, "face", "edits", 0, "strength"), 10**400),
        ("sessions", "session.json", ("entries", 1, "face", "sliders", 0, 1), 10**400),
        ("edits of single faces", "zombie_w_plus.json", ("faces",), None),
    ],
)
def test_fields_are_checked(tmp_path, name, file, place, value):
    valid = valid_file(BY_NAME[name], tmp_path)
    path = valid.parent / file
    document = inner = json.loads(path.read_text())
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=re.escape(path.stem)) as told:
        BY_NAME[name].read(valid)
    assert "\n" not in str(told.value) and len(str(told.value)) < 1000


@pytest.mark.parametrize(
    ("name", "tensor", "value"),
    [
        ("people", "weight", torch.zeros(8)),  # of whom nobody could be sampled
        ("people", "weight", torch.tensor([1.0, *[1e-7] * 7])),
        ("codes, .safetensors", "train", torch.zeros(3)),
        ("edits of single faces", "w_plus", torch.tensor(0.0)),
        ("texture models", "texels", torch.full((5,), 64)),
        ("looks", "offsets", torch.zeros(2, 3, 4)),
    ],
)
def test_tensors_are_checked(tmp_path, name, tensor, value):
    valid = valid_file(BY_NAME[name], tmp_path)
    save_file({**load_file(valid), tensor: value.contiguous()}, valid)
    with pytest.raises(ValueError, match=re.escape(valid.stem)):
        BY_NAME[name].read(valid)


def test_a_table_of_many_columns_and_short_rows_is_refused(tmp_path):
    (tmp_path / "people.csv").write_text(",".join(map(str, range(100_000))) + "\na" * 10_000)
    with pytest.raises(ValueError, match=r"people\.csv \(100000 columns"):
        read_table(tmp_path / "people.csv", ["0"], "people")


def test_masks_and_textures_of_16_bits_keep_their_grey(tmp_path):
    grey = np.full((8, 8), 65535 // 4, np.uint16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert abs(int(np.asarray(read_mask(tmp_path / "grey.png"))[0, 0]) - 64) <= 1
    convert_files([tmp_path / "grey.png"], tmp_path / "out.png")
    assert abs(int(np.asarray(Image.open(tmp_path / "out.png"))[0, 0, 0]) - 64) <= 1


def test_a_texture_to_convert_keeps_what_is_transparent(tmp_path):
    Image.new("RGBA", (8, 8), (200, 100, 50, 90)).save(tmp_path / "skin.png")
    convert_files([tmp_path / "skin.png"], tmp_path / "out.png")
    assert np.abs(np.asarray(Image.open(tmp_path / "out.png")).astype(int) - (200, 100, 50, 90)).max() <= 2
