"""Configurations, keyframes and rules that parsers break on."""

import json
import time

import pytest

from clipface.animation.load import load_motion
from clipface.documents import read_json, read_yaml
from clipface.edit.mapper import FaceMapper
from clipface.head import load_head
from clipface.texture.generator import TextureGenerator
from scripts.measure.fuzzing.rooms.edit import write_mapper
from scripts.measure.fuzzing.rooms.texture import write_generator


@pytest.mark.parametrize(
    "text", ["null", "[]", "3", "[" * 100_000, '{"a": NaN}', '{"a": 1e999', "", '{"a": 1' + "0" * 5000 + "}"]
)
def test_json_that_is_no_configuration(tmp_path, text):
    path = tmp_path / "mapper.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"weights: .*mapper\.json"):
        read_json(path, "weights")


@pytest.mark.parametrize(
    ("key", "value"),
    [("mapping_layers", 10**9), ("z_dim", 10**9), ("w_dim", -1), ("resolution", None), ("resolution", 1 << 40),
     ("channel_base", "x"), ("unknown", 1)],
)  # fmt: skip
def test_sizes_of_a_generator_are_compared_with_its_weights(tmp_path, key, value):
    path = tmp_path / "generator.safetensors"
    write_generator(path)
    TextureGenerator.from_weights(path)
    config = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(config | {key: value}))
    started = time.process_time()
    with pytest.raises(ValueError, match=r"generator\.safetensors"):
        TextureGenerator.from_weights(path)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("config", [None, [], {}, {"levels": 10**9, "dim": 16, "n_expression": 6}, {"layers": 10**9}])
def test_a_mapper_whose_configuration_lies(tmp_path, config):
    path = tmp_path / "mapper.safetensors"
    write_mapper(path)
    FaceMapper.from_weights(path)
    path.with_suffix(".json").write_text(json.dumps({"mapper": config}))
    with pytest.raises(ValueError, match=r"mapper\.safetensors"):
        FaceMapper.from_weights(path)


@pytest.fixture(scope="module")
def head():
    return load_head()


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"b{n}: &b{n} [{','.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("keyframes: [{time: 0, turn: [1, 2, 3]}, {time: 1000000}]", "are these milliseconds? Then it is 1000"),
        ("keyframes: [{time: 0}, {time: 1" + "0" * 400 + "}]", "time: expected a number"),
        ("rate: 1" + "0" * 400 + "\nkeyframes: [{time: 0}, {time: 1}]", "rate: expected a positive number"),
        ("keyframes: [{time: 0}, {time: !!bool abc}]", "no YAML"),
        ("keyframes: " + "[" * 100_000, "no YAML"),
        (BOMB + "keyframes: [*b8, *b8]", "expected plain values, got an alias"),
        ("keyframes: [{time: .nan}, {time: 1}]", "time: expected a number"),
        ("keyframes: [{time: 0}, {time: 1}]\n" + "# x\n" * 100_000, "expected at most"),
    ],
    ids=["milliseconds", "digits", "rate", "!!bool", "brackets", "aliases", "NaN", "long"],
)
def test_keyframes_that_lie(tmp_path, head, text, words):
    path = tmp_path / "moves.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="moves.yaml") as found:
        load_motion(path, head)
    assert words in str(found.value) and len(str(found.value)) < 1000


def test_plain_yaml_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text("a: [1, {b: böse}]\n", encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml", "rule") == {"a": [1, {"b": "böse"}]}
