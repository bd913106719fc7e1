"""The one door from files to what edits faces, through the commands that use it."""

import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import script
from flame_format import write_flame
from PIL import Image

from clipface import weights
from clipface.edit.loading import load_avatar, load_editor
from clipface.edit.mapper import FaceMapper
from clipface.edit.sampling import sample_latents
from clipface.settings import HeadConfig, RendererConfig


@pytest.fixture
def avatar(tiny_files, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    return load_avatar(None, HeadConfig(), RendererConfig())


@pytest.fixture
def wide_head(tiny_files, tmp_path) -> str:
    with np.load(tiny_files / "open_head.npz") as head:
        arrays = dict(head)
    arrays["v_template"] = arrays["v_template"] * np.float32([0.5, 1, 1])
    np.savez(tmp_path / "narrow.npz", **arrays)
    return str(tmp_path / "narrow.npz")


def save_run(avatar, folder, head_path=None, psi=0.7, generator=None, origin=None, **sizes) -> str:
    torch.manual_seed(0)
    config = {"n_expression": avatar.head.n_expression, "dim": avatar.generator.config["w_dim"], **sizes}
    mapper = FaceMapper(avatar.generator.levels, **config)
    for part in mapper.parts():
        part.start_at_random()
    origin = avatar.origin if origin is None else origin
    notes = {"prompt": {"name": "x", "target": "x"}, "head": {"name": "open", "path": head_path}}
    mapper.save(folder / "mapper.safetensors", generator=generator, psi=psi, **notes, **origin)
    return str(folder)


def render(output, *words: str) -> np.ndarray:
    script("render").main(["--output", str(output), "--device", "cpu", "--size", "32", "--face", "3", *words])
    return np.asarray(Image.open(output)).astype(int)


def test_a_rendered_face_has_its_mappers_truncation(avatar, tmp_path):
    run = save_run(avatar, tmp_path / "run", psi=0.1)
    plain = render(tmp_path / "a.png", "--psi", "0.1")
    assert np.array_equal(render(tmp_path / "b.png", "--mapper", run, "--strength", "0"), plain)
    chosen = render(tmp_path / "c.png", "--mapper", run, "--strength", "0", "--psi", "1")
    assert np.array_equal(chosen, render(tmp_path / "d.png", "--psi", "1")) and not np.array_equal(chosen, plain)


def test_a_rendered_face_has_its_mappers_head(avatar, tmp_path, wide_head):
    run = save_run(avatar, tmp_path / "run", wide_head)
    narrow = render(tmp_path / "a.png", "--mapper", run, "--strength", "0")
    plain = render(tmp_path / "b.png", "--psi", "0.7")
    assert 0 < (narrow != 255).any(2).sum() < 0.7 * (plain != 255).any(2).sum()
    asked = render(tmp_path / "c.png", "--mapper", run, "--strength", "0", "--head", "open")
    assert np.array_equal(asked, plain)


def test_many_faces_take_no_more_memory_than_a_hundred(avatar, tmp_path, capsys):
    run = save_run(avatar, tmp_path / "run")

    def peak_of(count: int) -> float:
        words = f"--mapper {run} --latents 0:{count} --size 64 --batch 20 --device cpu --output {tmp_path / 'out'}"
        script("edit").main(words.split())
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # megabytes; kilobytes on Linux

    hundred = peak_of(100)
    assert peak_of(400) - hundred < 40, "each face's six images take 0.3 MB"
    assert "400 faces" in capsys.readouterr().out and len(list((tmp_path / "out/textures").iterdir())) == 400
    tile = Image.open(tmp_path / "out/faces.png").height / 64
    assert 64 < tile < 70, "the sheet shows the first 64 faces"


@pytest.mark.parametrize(("command", "old", "new"), [("evaluate_textures", "--skins", "--textures")])
def test_flags_of_earlier_versions_are_refused_with_the_present_name(command, old, new, capsys):
    with pytest.raises(SystemExit):
        script(command).parse([old, "somewhere"])
    assert f"{old}: expected {new}" in capsys.readouterr().err


def test_what_does_not_fit_together_is_refused(avatar, tmp_path, wide_head):
    plain, other = save_run(avatar, tmp_path / "plain"), save_run(avatar, tmp_path / "other", wide_head)
    with pytest.raises(ValueError, match="mapper: expected all of one head, got .*narrow.npz.* of .*other and .*plain"):
        script("edit").main(["--mapper", plain, other, "--latents", "0:1", "--output", str(tmp_path / "out")])
    load_editor([plain, other], head="open", device="cpu")
    for message, sizes in {
        "expected one for codes of 16 numbers a level": {"dim": 8},
        r"expected at most \d+ coefficients \(n_expression\)": {"n_expression": avatar.head.n_expression + 1},
        r"expected at most \d+ coefficients \(n_shape\)": {"n_shape": avatar.head.n_shape + 1},
        "region: expected one or more of .*lips": {"region": "nostril"},
    }.items():
        run = save_run(avatar, tmp_path / "wrong", **sizes)
        with pytest.raises(ValueError, match=message):
            script("export").main(["--mapper", run, "--output", str(tmp_path / "face.obj"), "--device", "cpu"])
    for message, options in {"psi: expected": {"psi": -1.0}, "device: expected auto, cpu": {"device": "moon"}}.items():
        with pytest.raises(ValueError, match=message):
            load_editor([plain], **options)


def written(folder: Path, avatar, **origin) -> list[list[str]]:
    """Arguments of commands that take codes, a mapper and a generator, each with other notes of what it is of."""
    face = sample_latents(avatar, [0], 0.7)
    weights.save(folder / "codes.safetensors", {"train": face.w_plus}, origin)
    np.savez(folder / "codes.npz", w_plus=face.w_plus.numpy(), **origin)
    run = save_run(avatar, folder / "run", origin=origin)
    codes = [["--latents", str(folder / name)] for name in ("codes.safetensors", "codes.npz")]
    return [*codes, ["--mapper", run]]


@pytest.mark.parametrize("what", [0, 1, 2], ids=["codes", "codes in npz", "mapper"])
@pytest.mark.parametrize("command", ["export", "edit"])
def test_codes_and_edits_of_another_uv_map_or_generator_are_refused(avatar, tmp_path, command, what):
    def run(**origin) -> None:
        words = [*written(tmp_path, avatar, **origin)[what], "--device", "cpu"]
        extra = ["--output", str(tmp_path / ("face.obj" if command == "export" else "out"))]
        if command == "edit":
            extra += ["--size", "32", *(["--latents", "0:1"] if what == 2 else ["--mapper", good])]
        script(command).main([*words, *extra])

    good = save_run(avatar, tmp_path / "good")
    run(**avatar.origin)
    own, made_with = avatar.origin["uv_map"][:12], avatar.origin["generator_sha256"][:12]
    for origin, message in (
        ({}, f"expected UV map {own} of open_head.npz, got none noted.*; "),
        (avatar.origin | {"uv_map": "f" * 64}, f"expected UV map {own} of open_head.npz, got ffffffffffff; "),
        (avatar.origin | {"generator_sha256": "0" * 64}, f"expected one of generator {made_with}, got 000000000000; "),
    ):
        with pytest.raises(ValueError, match=message):
            run(**origin)


def test_a_generator_that_names_no_uv_map_paints_flame_alone(avatar, tmp_path, tiny_files, monkeypatch):
    plain, flame = tmp_path / "generator.safetensors", tmp_path / "flame"
    avatar.generator.config["uv_map"] = None
    avatar.generator.save(plain)
    flame.mkdir()
    monkeypatch.delenv("CLIPFACE_DATA")
    write_flame(flame)
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    load_avatar(plain, HeadConfig("flame", str(flame / "generic_model.pkl")), RendererConfig())
    with pytest.raises(ValueError, match="generator .*: expected UV map .* of open_head.npz, got none noted.*; train"):
        script("export").main(["--generator", str(plain), "--output", str(tmp_path / "face.obj"), "--device", "cpu"])
    with pytest.raises(ValueError, match="of generic_model.pkl, got .*; make the map .*transfer_texture.py"):
        load_avatar(None, HeadConfig("flame", str(flame / "generic_model.pkl")), RendererConfig())
