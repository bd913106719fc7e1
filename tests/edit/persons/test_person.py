"""People made from photographs, through the commands that take them: painted faces in the place of photographs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import script
from PIL import Image
from safetensors.torch import load_file, save_file

from clipface import startup
from clipface.edit.apply import edit_faces, unedited
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.persons.person import Person
from clipface.head import load_head
from clipface.head.mesh import uv_map_hash
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.generator import TextureGenerator

SIZE = 64
NAME = "a.person.safetensors"


def data_folder(tiny_files, folder: Path, seed: int | None = None) -> Path:
    """A data folder with a tiny generator of the open head's UV map; a seed gives another generator."""
    generator = TextureGenerator.from_weights(tiny_files / "generator.safetensors")
    generator.config["uv_map"] = uv_map_hash(load_head())
    if seed is not None:
        torch.manual_seed(seed)
        for part in generator.parameters():
            part.data += 0.1 * torch.randn_like(part)
    generator.save(folder / "generator.safetensors", half=False)
    return folder


@pytest.fixture(scope="module")
def made(tiny_files, images, tmp_path_factory):
    """What `edit.py --photo` writes with an edit of the lips, the avatar, and the edit's file."""
    folder = tmp_path_factory.mktemp("person")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLIPFACE_DATA", str(data_folder(tiny_files, folder)))
        avatar = load_avatar(None, HeadConfig(), RendererConfig())
        torch.manual_seed(0)
        mapper = FaceMapper(avatar.generator.levels, 16, 6, expression=False, region="lips")
        mapper.texture.start_at_random()
        mapper.save(folder / "run" / "mapper.safetensors", **avatar.origin)
        for number, name in enumerate("ab"):
            Image.fromarray(images.images[number]).save(folder / f"{name}.png")
        edit(folder, "--photo", folder / "a.png", "--output", folder / "out")
    return folder, avatar


@pytest.fixture
def folder(made, monkeypatch) -> Path:
    monkeypatch.setenv("CLIPFACE_DATA", str(made[0]))
    return made[0]


def edit(folder: Path, *words) -> None:
    fixed = ["--mapper", folder / "run", "--size", 32, "--texture-size", SIZE, "--device", "cpu"]
    script("edit").main([str(word) for word in (*fixed, *words)])


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_photograph_becomes_a_person_whose_file_is_read_back_bit_for_bit(folder, made, tmp_path):
    avatar, path = made[1], folder / "out" / NAME
    person = Person.load(path, avatar)
    assert person.texture.shape == (3, SIZE, SIZE) and person.sizes.tolist() == [[256, 256]]
    assert torch.equal(person.texture, (person.texture * 255).round() / 255)
    assert 0 <= person.notes["error"] < 0.3 and person.image().width == 2 * person.image().height
    again = Person.load(person.save(tmp_path / NAME), avatar)
    assert (tmp_path / NAME).read_bytes() == path.read_bytes()
    assert torch.equal(again.texture, person.texture) and torch.equal(again.w_plus, person.w_plus)
    assert all(torch.equal(*parts) for parts in zip(again.fit, person.fit, strict=True))
    with pytest.raises(ValueError, match=r"expected a file ending in \.person\.safetensors, got 'me.png'"):
        person.save(tmp_path / "me.png")


def test_an_edit_of_a_region_keeps_the_photographs_other_texels_bit_for_bit(folder, made, tmp_path):
    avatar, person = made[1], Person.load(folder / "out" / NAME, made[1])
    own = (person.texture * 255).round().byte().permute(1, 2, 0).numpy()
    outside = (avatar.mask("lips", SIZE)[0] == 0).numpy()
    edited = pixels(folder / "out/textures/0000.png")
    assert np.array_equal(edited[outside], own[outside]) and (edited[~outside] != own[~outside]).mean() > 0.3
    edit(folder, "--person", folder / "out" / NAME, "--strength", "0", "--output", tmp_path)
    assert np.array_equal(pixels(tmp_path / "textures/0000.png"), own)
    assert not list(tmp_path.glob("*.safetensors")), "a person that was read is not written again"


def test_an_edit_adds_what_it_changes_in_the_generators_texture(made):
    avatar = made[1]
    codes = Person.load(made[0] / "out" / NAME, avatar).codes(avatar)
    mapper = FaceMapper(avatar.generator.levels, 16, avatar.head.n_expression)
    mapper.texture.start_at(torch.full((avatar.generator.levels, 16), 0.05))
    after = edit_faces(avatar, codes, [mapper]).texture(avatar)
    change = avatar.texture(mapper(codes).w_plus) - avatar.texture(codes.w_plus)
    seen = torch.nn.functional.avg_pool2d(after - codes.detail.texture, SIZE // change.shape[-1])
    assert change.abs().mean() > 0.01 and torch.corrcoef(torch.stack([seen.flatten(), change.flatten()]))[0, 1] > 0.9
    assert unedited(codes).texture(avatar) is codes.detail.texture


def test_every_command_takes_a_person(folder, tmp_path):
    person, fixed = ["--person", str(folder / "out" / NAME)], ["--device", "cpu"]
    script("export").main([*person, "--output", str(tmp_path / "a.obj"), *fixed])
    own = (load_file(folder / "out" / NAME)["texture"]).permute(1, 2, 0).numpy()
    assert np.array_equal(pixels(tmp_path / "a.png"), own), "the exported texture is the photograph's"
    script("render").main([*person, "--size", "32", "--output", str(tmp_path / "b.png"), *fixed])
    random = ["--face", "0", "--size", "32", "--output", str(tmp_path / "c.png"), *fixed]
    script("render").main(random)
    assert (pixels(tmp_path / "b.png") != pixels(tmp_path / "c.png")).any()
    moving = ["--mapper", str(folder / "run"), "--sequence", "laugh", "--rate", "2", "--size", "32"]
    script("animate").main([*person, *moving, "--output", str(tmp_path / "moving"), *fixed])
    assert (tmp_path / "moving/0000.mp4").is_file()


def test_a_folder_makes_many_people_and_says_whom_it_leaves_out(folder, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    shutil.copy(folder / "b.png", tmp_path / "photos/b.png")
    Image.new("RGB", (256, 256), "grey").save(tmp_path / "photos/grey.png")
    edit(folder, "--photo", tmp_path / "photos", "--output", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").glob("*.safetensors")] == ["b.person.safetensors"]
    assert "left out: " in (said := capsys.readouterr().out) and "grey.png: no face" in said and "1 faces" in said


def test_photographs_of_one_name_do_not_overwrite_each_other(folder, tmp_path):
    for name, source in (("one/a.png", "a"), ("two/a.png", "b"), ("two/b.png", "b")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / f"{source}.png", tmp_path / name)
    edit(folder, "--photo", tmp_path, "--into-photo", "--output", tmp_path / "out")
    for name, source in (("one_a", "one/a.png"), ("two_a", "two/a.png"), ("b", "two/b.png")):
        assert (tmp_path / "out" / f"{name}.person.safetensors").is_file()
        edited, original = (Image.open(path) for path in (tmp_path / "out" / f"{name}_edited.png", tmp_path / source))
        away = np.abs(np.asarray(edited).astype(int) - np.asarray(original))
        assert away.mean() < 10 and not away[:8].any(), "its own photograph"


def test_photographs_of_one_person_share_the_identity(folder, made):
    person = Person.from_photos([folder / "a.png", folder / "a.png"], made[1], SIZE)
    assert person.matrices.shape == (2, 3, 3) and torch.equal(*person.fit.shape)


def test_errors_are_one_line(folder, made, tmp_path, capsys):
    Image.new("RGB", (256, 256), "grey").save(tmp_path / "grey.png")

    def said(*words) -> str:
        assert startup.exit_status(lambda: edit(folder, *words, "--output", tmp_path / "out")) == 1
        return capsys.readouterr().err

    assert "grey.png: no face: none was found" in said("--photo", tmp_path / "grey.png")
    words = "--which-face: expected 1 to 1, as many faces as it shows, got 2"
    assert words in said("--photo", folder / "a.png", "--which-face", 2)
    assert "none.person.safetensors does not exist" in said("--person", tmp_path / "none.person.safetensors")
    content = (folder / "out" / NAME).read_bytes()
    for name, damaged in (("cut", content[:-100]), ("words", b"words"), ("empty", b"")):
        (tmp_path / name).write_bytes(damaged)
        assert "is damaged or no person's file" in said("--person", tmp_path / name)
    save_file({"w_plus": torch.zeros(1)}, tmp_path / "other")
    assert "is damaged or no person's file" in said("--person", tmp_path / "other")
    parts = load_file(folder / "out" / NAME)
    for change, word in (
        ({"texture": parts["texture"][:, :-1]}, "texture: expected"),
        ({"w_plus": parts["w_plus"] * torch.nan}, "finite"),
        ({"fit.pose": parts["fit.pose"][:, :3]}, "fit.pose"),
    ):
        save_file({k: v.contiguous() for k, v in (parts | change).items()}, tmp_path / "bad", {"person": "{}"})
        assert word in said("--person", tmp_path / "bad")
    save_file(parts, tmp_path / "chart", {"person": json.dumps({"uv_map": "another"})})
    assert "expected UV map" in said("--person", tmp_path / "chart")


def test_a_person_gets_the_nearest_code_of_another_generator(folder, made, tiny_files, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(data_folder(tiny_files, tmp_path, seed=1)))
    avatar = load_avatar(None, HeadConfig(), RendererConfig())
    old, new = (Person.load(folder / "out" / NAME, each) for each in (made[1], avatar))
    assert torch.equal(new.texture, old.texture) and not torch.equal(new.w_plus, old.w_plus)
    assert new.notes["generator_sha256"] == avatar.origin["generator_sha256"]
