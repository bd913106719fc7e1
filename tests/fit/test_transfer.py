"""Maps between heads of other meshes and UV maps: where surfaces meet, textures there and back, files and refusals."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from commands import script
from other_head import MAP_SIZE, other_head_folder, true_places
from PIL import Image
from scipy.spatial.transform import Rotation

from clipface.edit.loading import load_avatar
from clipface.edit.sampling import sample_latents
from clipface.evaluation.transfer import texture_trip
from clipface.fit.align import aligned, vertex_array
from clipface.fit.register import register
from clipface.fit.transfer_files import load_surface
from clipface.head import load_head
from clipface.head.mesh import read_obj, uv_map_hash
from clipface.render.uv import UVMap
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.carry import MAP_FILE, read_head_map
from clipface.texture.linear import load_texture_model
from scripts.recipes.originals_build.head import write_template
from scripts.recipes.originals_build.sizes import SMALL

SIZE = 64


@pytest.fixture(scope="module")
def heads():
    folder = other_head_folder() / "flame"
    return load_head("open"), load_head("flame", folder / "generic_model.pkl"), read_head_map(folder / MAP_FILE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder of one's own, with the other head and the map in it."""
    shutil.copytree(other_head_folder(), tmp_path / "data")
    monkeypatch.setenv("CLIPFACE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "flame"


def carry(*arguments):
    return script("transfer_texture").main([str(each) for each in arguments])


def millimetres(places, of):
    return 1000 * np.linalg.norm(places - true_places(), axis=1)[of.numpy()]


def test_a_face_comes_to_lie_on_another_persons_other_mesh(heads):
    source, target, found = heads
    assert len(target.v_template) != len(source.v_template) and target.uv.shape != source.uv.shape
    moved = register(source, target)
    before = moved.similarity.on(source.v_template.double().numpy())
    for region in ("face", "lips", "left_eyeball"):
        away = millimetres(moved.vertices, source.regions[region]).mean()
        assert away < min(2.4, 0.7 * millimetres(before, source.regions[region]).mean()), region
    assert found.config["mean_distance"] < 0.0003


def test_textures_come_back_as_they_went(heads):
    source, target, found = heads
    avatar = load_avatar(None, HeadConfig(), RendererConfig())
    textures = avatar.texture(sample_latents(avatar, [0, 1], 1.0).w_plus, SIZE)
    trip = texture_trip(found, source, target, textures)
    assert trip.face < 6 and trip.dense < 4
    plain = textures.mean((2, 3), keepdim=True).expand_as(textures)
    face = UVMap(source, SIZE).region(["face"])
    assert trip.face < 0.4 * 255 * (textures - plain).abs()[..., face].mean()


def test_colours_arrive_on_the_same_parts(heads):
    source, target, found = heads
    maps = UVMap(source, SIZE), UVMap(target, SIZE)
    painted = torch.zeros(1, 3, SIZE, SIZE)
    for channel, part in enumerate(("left_eyeball", "lips", "nose")):
        painted[0, channel][maps[0].region([part])] = 1
    carried = found.carrier(uv_map_hash(source))(painted, SIZE)[0]
    for channel, part in enumerate(("left_eyeball", "lips", "nose")):
        assert carried[channel][maps[1].region([part])].mean() > 0.8, part
    assert carried[0][maps[1].region(["right_eyeball"])].mean() < 0.01


def test_a_folder_of_images_is_carried_both_ways(folder, tmp_path, heads):
    random = np.random.default_rng(0)
    (tmp_path / "old").mkdir()
    for name, mode in (("a.png", "RGB"), ("b.png", "RGBA")):
        tile = Image.fromarray(random.integers(0, 255, (8, 8, len(mode)), np.uint8), mode)
        tile.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(tmp_path / "old" / name)
    carry(tmp_path / "old", "--from", "open", "--to", "flame", "--out", tmp_path / "there")
    carry(tmp_path / "there", "--from", "flame", "--to", "open", "--out", tmp_path / "back", "--size", 2 * SIZE)
    assert Image.open(tmp_path / "there" / "b.png").mode == "RGBA"
    old, back = (
        np.asarray(Image.open(tmp_path / name / "a.png").resize((SIZE,) * 2), float) for name in ("old", "back")
    )
    Image.new("RGB", (SIZE, 2 * SIZE)).save(tmp_path / "sheet.png")
    with pytest.raises(ValueError, match="expected a square one, got 64 x 128"):
        carry(tmp_path / "sheet.png", "--from", "open", "--to", "flame", "--out", tmp_path / "new.png")
    face = UVMap(heads[0], SIZE).region(["face"]).numpy()
    assert np.abs(old - back)[face].mean() < 8 and Image.open(tmp_path / "back" / "a.png").size == (2 * SIZE,) * 2
    teeth = UVMap(heads[0], SIZE).region(["teeth"])  # no other head has any: they are the base texture's
    base = torch.nn.functional.interpolate(load_texture_model(heads[0])[1][None], (SIZE, SIZE), mode="area")[0]
    assert np.abs(back[teeth.numpy()] - 255 * base[:, teeth].T.numpy()).mean() < 8


def test_a_map_of_other_heads_is_refused(folder, tmp_path):
    image = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(image)
    notes = json.loads((folder / "from_open.json").read_text())
    notes["target"]["uv_map"] = "0" * 64
    (folder / "from_open.json").write_text(json.dumps(notes))
    with pytest.raises(ValueError, match=r"expected one between the UV maps .* got .*from_open.safetensors between"):
        carry(image, "--from", "open", "--to", "flame", "--out", tmp_path / "b.png")
    with pytest.raises(ValueError, match="expected open, flame or a file"):
        carry("--from", "open", "--to", tmp_path / "head.fbx")


def write_obj(path, head, turn, scale):
    mesh = read_obj(head)
    lines = ["v {} {} {}".format(*place) for place in scale * mesh.vertices @ turn.as_matrix().T + 3 * scale]
    lines += ["vt {} {}".format(*place) for place in mesh.uv]
    pairs = np.stack([mesh.faces, mesh.uv_faces], -1) + 1
    lines += ["f " + " ".join(f"{v}/{t}/1" for v, t in face) for face in pairs]
    path.write_text("\n".join(lines))
    return mesh


def test_points_place_a_mesh_that_is_turned_and_in_other_units(folder, tmp_path, heads):
    target, turn = heads[1], Rotation.from_euler("yx", [50, 20], degrees=True)
    mesh = write_obj(tmp_path / "mesh.obj", folder / "head_template.obj", turn, 100)
    landmarks = target.landmarks(target.v_template[None])[0].numpy()
    rows = np.linalg.norm(mesh.vertices[None] - landmarks[:, None], axis=2).argmin(1)
    lines = [f"{mark + 1},{rows[mark] + 1}" for mark in (8, 30, 36, 39, 42, 45, 48, 54)]
    (tmp_path / "points.csv").write_text("\n".join(["landmark,vertex", *lines]))
    given = [
        "--from",
        "open",
        "--to",
        tmp_path / "mesh.obj",
        "--map-size",
        MAP_SIZE,
        "--points",
        tmp_path / "points.csv",
    ]
    carry(*given)
    found = read_head_map(tmp_path / "mesh_from_open.safetensors")
    assert found.config["scale"] == pytest.approx(heads[2].config["scale"] * 100, rel=0.1)
    maps = UVMap(heads[0], SIZE), UVMap(target, SIZE)  # the mesh's own is the other head's
    painted = maps[0].region(["nose"]).float()[None, None]
    carried = found.carrier(uv_map_hash(heads[0]))(painted, SIZE)[0, 0]
    assert carried[maps[1].region(["nose"])].mean() > 0.7
    for text, message in (
        ("landmark,vertex\n69,1", "line 2: expected a landmark"),
        ("landmark,vertex\n1,1", "at least 4"),
    ):
        (tmp_path / "points.csv").write_text(text)
        with pytest.raises(ValueError, match=message):
            carry(*given)


def test_a_mesh_that_looks_aside_is_placed_as_one_that_looks_ahead(folder, tmp_path, heads):
    placed = {}
    for name, yaw, roll in (("ahead", 0, 0), ("aside", 25, 8)):
        turn = Rotation.from_euler("yz", [yaw, roll], degrees=True)
        write_obj(tmp_path / f"{name}.obj", folder / "head_template.obj", turn, 100)
        found = aligned(heads[0], load_surface(str(tmp_path / f"{name}.obj")))
        placed[name] = turn.inv().apply(found.on(vertex_array(heads[0])) - 300)  # centimetres, as it was before
    assert np.linalg.norm(placed["aside"] - placed["ahead"], axis=1).mean() < 0.1
    write_obj(tmp_path / "far.obj", folder / "head_template.obj", Rotation.from_euler("y", 80, degrees=True), 100)
    with pytest.raises(ValueError, match=r"got far\.obj, which is turned by some \d+ degrees; .* or give --points"):
        carry("--from", "open", "--to", tmp_path / "far.obj", "--map-size", MAP_SIZE)


def test_heads_that_hardly_meet_are_told(tmp_path):
    write_template(tmp_path / "dome.obj", SMALL, np.random.default_rng(0))
    with pytest.warns(UserWarning, match=r"open_head\.npz and dome\.obj hardly meet"):
        carry("--from", "open", "--to", tmp_path / "dome.obj", "--map-size", MAP_SIZE)


def test_a_mesh_of_polygons_needs_no_points_if_it_looks_ahead(tmp_path, heads, capsys):
    source = heads[1]
    lines = ["v {} {} {}".format(*place) for place in 100 * source.v_template.numpy()]
    lines += ["vt {} {}".format(*place) for place in source.uv.numpy()]
    pairs = np.stack([source.faces.numpy(), source.uv_faces.numpy()], -1) + 1
    lines += ["f " + " ".join(f"{v}/{t}" for v, t in face) for face in pairs[:-1]]
    v, t = pairs[-1].T  # a triangle with a corner on its edge, twice: a polygon
    lines += [f"f {v[0]}/{t[0]} {v[1]}/{t[1]} {v[2]}/{t[2]} {v[2]}/{t[2]}"]
    (tmp_path / "mesh.obj").write_text("\n".join(lines))
    carry("--from", tmp_path / "mesh.obj", "--to", "open", "--map-size", MAP_SIZE)
    found = read_head_map(tmp_path / "mesh_from_open.safetensors")
    assert found.config["mean_distance"] < 0.06  # centimetres
    mean, most = map(float, re.findall(r"([\d.]+) mm", capsys.readouterr().out))
    assert mean < 0.6 and mean < most < 5
    assert found.config["scale"] == pytest.approx(100 * heads[2].config["scale"], rel=0.1)
