"""People whose heads are codes of DECA, EMOCA or SMIRK: FLAME's, here the open head in its format."""

import pickle

import numpy as np
import pytest
import torch
from commands import script
from flame_format import write_flame
from PIL import Image
from scipy.spatial.transform import Rotation

from clipface import startup
from clipface.bake.baker import vertices_of
from clipface.bake.head_fit import shading
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.persons.person import Person
from clipface.head import load_head
from clipface.head.mesh import uv_map_hash
from clipface.photos.textures import bake_person
from clipface.render.camera import DECA_CROP_SIZE, project
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.generator import TextureGenerator

SIZE, SIDE, SHAPES = 64, 256, 100
LIGHT = np.linspace(-0.3, 0.6, 27).reshape(9, 3).astype(np.float32)


@pytest.fixture(scope="module")
def made(tiny_files, images, tmp_path_factory):
    """A data folder with FLAME's files, two photographs, the code of the first, and where it has the head's points."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "flame").mkdir()
    order = np.argsort(write_flame(folder / "flame"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLIPFACE_DATA", str(folder))
        generator = TextureGenerator.from_weights(tiny_files / "generator.safetensors")
        generator.config["uv_map"] = uv_map_hash(load_head("flame"))
        generator.save(folder / "generator.safetensors", half=False)
        avatar = load_avatar(None, HeadConfig("flame"), RendererConfig())
        mapper = FaceMapper(avatar.generator.levels, 16, 6, expression=False)
        mapper.texture.start_at(torch.full((avatar.generator.levels, 16), 0.05))
        mapper.save(folder / "run" / "mapper.safetensors", **avatar.origin)
    for number, name in enumerate("ab"):
        Image.fromarray(images.images[number]).save(folder / f"{name}.png")
    batch = images.batch
    linear = batch.camera[0, :2, :3].double().numpy()
    scale = np.linalg.norm(linear[0])
    right, up = linear[0] / scale, -linear[1] / scale
    turn = Rotation.from_matrix(np.stack([right, up, np.cross(right, up)]))
    pose = np.r_[turn.as_rotvec(), np.zeros(3)].astype(np.float32)
    shape = batch.shape[:1, :SHAPES]
    target = project(images.head(shape), batch.camera[:1])[0, :, :2].numpy() * (1, -1) / scale
    posed = images.head(shape, pose=torch.from_numpy(pose)[None])[0].numpy()
    shift = (target - posed[:, :2]).mean(0)
    code = {"shape": shape.numpy(), "exp": np.zeros((1, 50), np.float32), "pose": pose[None], "light": LIGHT[None]}
    code["cam"] = np.r_[scale, shift].astype(np.float32)[None]
    pixels = (target * (1, -1) * scale + 1) * SIDE / 2
    return folder, code, pixels[order], avatar


@pytest.fixture
def folder(made, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(made[0]))
    return made[0]


def edit(folder, *words):
    fixed = ["--mapper", folder / "run", "--size", 32, "--texture-size", SIZE, "--device", "cpu", "--head", "flame"]
    return script("edit").main([str(word) for word in (*fixed, *words)])


def write(path, code):
    path.write_bytes(pickle.dumps(code, protocol=2)) if path.suffix == ".pkl" else np.savez(path, **code)
    return path


def names_of(program, code):
    if program == "emoca":
        names = {"shape": "shapecode", "exp": "expcode", "pose": "posecode", "light": "lightcode", "cam": "cam"}
        return {names[name]: value for name, value in code.items()}
    if program == "smirk":
        smirk = {"shape_params": code["shape"], "expression_params": code["exp"], "cam": code["cam"]}
        return smirk | {"pose_params": code["pose"][:, :3], "jaw_params": code["pose"][:, 3:]}
    return code


@pytest.mark.parametrize("program, suffix", [("deca", "pkl"), ("emoca", "npz"), ("smirk", "npz")])
def test_codes_make_a_person_whose_head_lies_where_they_say(folder, made, tmp_path, program, suffix):
    _, code, pixels, avatar = made
    path = write(tmp_path / f"a.{suffix}", names_of(program, code))
    edit(folder, "--photo", folder / "a.png", "--fits", path, "--output", tmp_path / "out")
    person = Person.load(tmp_path / "out" / "a.person.safetensors", avatar)
    assert torch.allclose(person.fit.shape[0, :SHAPES], torch.from_numpy(code["shape"][0]))
    found = (project(vertices_of(avatar.head, person.fit), person.fit.camera)[0, :, :2].numpy() + 1) * 256
    back = np.linalg.inv(person.matrices[0].numpy())
    found = found @ back[:2, :2].T + back[:2, 2]
    assert np.abs(found - pixels).max() < 0.2
    up = torch.tensor([[[0.0, 0.0, 1.0]]])
    plain = torch.allclose(shading(up, person.fit.light), torch.ones(1, 1, 3), atol=1e-3)
    assert plain == (program == "smirk"), "SMIRK knows no light"
    before = Image.open(tmp_path / "out" / "textures" / "0000.png")
    assert before.size == (SIZE, SIZE) and np.asarray(before).std() > 5


def test_a_code_in_a_crop_of_its_own_places_the_head_by_its_tform(folder, made, tmp_path):
    _, code, pixels, avatar = made
    tform = np.array([[0.6, 0.1, 20.0], [-0.1, 0.6, 12.0], [0, 0, 1]])  # of the photograph's pixels to the crop's
    step = np.hypot(0.6, 0.1) * SIDE / DECA_CROP_SIZE
    angle = np.arctan2(-0.1, 0.6)
    turn = Rotation.from_rotvec([0, 0, -angle]) * Rotation.from_rotvec(code["pose"][0, :3])
    pose = np.r_[turn.as_rotvec(), np.zeros(3)].astype(np.float32)
    head, scale = avatar.head, code["cam"][0, 0] * step
    posed = head(torch.from_numpy(code["shape"]), pose=torch.from_numpy(pose)[None])[0].numpy()
    crop = (pixels @ tform[:2, :2].T + tform[:2, 2]) / (DECA_CROP_SIZE / 2) - 1
    shift = (crop * (1, -1) / scale - posed[:, :2]).mean(0)
    own = code | {"pose": pose[None], "cam": np.r_[scale, shift][None], "tform": tform}
    (tmp_path / "fits").mkdir()
    write(tmp_path / "fits" / "a.pkl", own)
    person = Person.from_photos([folder / "a.png"], avatar, SIZE, fits=[tmp_path / "fits" / "a.pkl"])
    found = (project(vertices_of(head, person.fit), person.fit.camera)[0, :, :2].numpy() + 1) * 256
    back = np.linalg.inv(person.matrices[0].numpy())
    assert np.abs(found @ back[:2, :2].T + back[:2, 2] - pixels).max() < 0.3
    edit(folder, "--photo", folder / "a.png", "--fits", tmp_path / "fits", "--output", tmp_path / "out")
    again = Person.load(tmp_path / "out" / "a.person.safetensors", avatar)
    assert torch.equal(again.texture, person.texture) and torch.equal(again.fit.pose, person.fit.pose)


def test_codes_that_do_not_fit_are_refused_in_a_line(folder, made, open_head, tmp_path, capsys):
    code = made[1]

    def said(*words) -> str:
        assert startup.exit_status(lambda: edit(folder, *words, "--output", tmp_path / "out")) == 1
        return capsys.readouterr().err

    good, photo = write(tmp_path / "b.npz", code), ("--photo", folder / "a.png")
    assert "expected 1, one of each photograph, got 2" in said(*photo, "--fits", good, good)
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "photos" / name).write_bytes((folder / name).read_bytes())
    people = said("--photo", tmp_path / "photos", "--fits", good)
    assert f"fits: expected a folder of codes for a folder of photographs, got {good}" in people
    (tmp_path / "fits").mkdir()
    write(tmp_path / "fits" / "b.npz", code)
    assert "no fit: there is no file of this name" in said(*photo, "--fits", tmp_path / "fits")
    bad = write(tmp_path / "c.pkl", code | {"light": [1, 2, 3]})
    assert "light: expected 27 numbers, got 3" in said(*photo, "--fits", bad)
    person = ("--person", tmp_path / "none.person.safetensors", "--fits", good)
    assert "faces.fits: expected photos too" in said(*person)
    head, renderer = open_head
    with pytest.raises(ValueError, match="holds FLAME's coefficients, got .*give --head flame"):
        bake_person([folder / "a.png"], head, renderer, SIZE, fits=[good])
