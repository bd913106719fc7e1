"""From states to vertices, textures, files and images."""

import io
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_people import table

from clipface.edit.files import read_latents
from clipface.edit.loading import load_avatar, load_mapper
from clipface.edit.mapper import FaceMapper
from clipface.edit.people import PEOPLE_FILE
from clipface.edit.regions import edit_mask
from clipface.edit.sampling import sample_latents
from clipface.head.measurements import MEASUREMENTS, Measurements
from clipface.settings import HeadConfig, RendererConfig
from clipface.view import export
from clipface.view.edits.library import Library
from clipface.view.engine import MOST_TEXTURES, SMALL, Engine
from clipface.view.screen.images import BrowserCamera, shown_faces
from clipface.view.session.state import Edit, FaceState, ViewSettings

FACE = FaceState(seed=3)
EDITED = FaceState(seed=3, edits=(Edit("my_zombie"),))


def test_vertices_are_those_of_the_head_layer(engine):
    head = engine.head
    state = FACE.with_weight("jawOpen", 0.6).with_weight("browInnerUp", 0.3).with_value("form", "nose width", 2.0)
    state = state.with_angle("jaw_open", 10).with_angle("gaze_right", -20).with_angle("neck_turn", 30)
    codes = sample_latents(engine.avatar, [3], state.psi)
    expression, shape = torch.zeros(1, head.n_expression), codes.shape.clone()
    expression[0, head.expression_names.index("jawOpen")] = 0.6
    expression[0, head.expression_names.index("browInnerUp")] = 0.3
    shape = Measurements(head).changed(shape, {"nose width": 2.0})
    pose = torch.deg2rad(torch.tensor([[0.0, 0, 0, 10, 0, 0]]))
    eyes = torch.deg2rad(torch.tensor([[0.0, -20, 0, 0, -20, 0]]))
    neck = torch.deg2rad(torch.tensor([[0.0, 30, 0]]))
    torch.testing.assert_close(engine.vertices(state), head(shape, expression, pose, neck, eyes))


def test_angles_turn_where_their_names_say(engine):
    rest = engine.vertices(FACE)[0]

    def moved(name, degrees, region):
        return (engine.vertices(FACE.with_angle(name, degrees))[0] - rest)[engine.head.regions[region]].mean(0)

    front = rest[:, 2] > rest[engine.head.regions["nose"]][:, 2].mean()
    assert moved("jaw_open", 20, "lower_teeth")[1] < 0
    assert moved("neck_turn", 20, "nose")[0] > 0 and moved("neck_nod", 20, "nose")[1] < 0
    assert moved("neck_tilt", 20, "scalp")[0] > 0
    assert moved("gaze_right", 20, "iris")[0] > 0 and moved("gaze_up", 20, "iris")[1] > 0
    assert moved("jaw_sideways", 8, "lower_teeth")[0] > 0
    assert front.any()


@torch.no_grad()  # under gradient a face is drawn by other sums
def test_an_edit_is_that_of_edit_in_turn_and_strength_0_changes_no_bit(engine):
    mapper = engine.library.mapper("my_zombie")
    codes = sample_latents(engine.avatar, [3], FACE.psi)
    wanted = mapper(codes, -0.5)
    state = FaceState(seed=3, edits=(Edit("my_zombie", -0.5),))
    assert torch.equal(engine.texture(state), engine.avatar.texture(wanted.w_plus))
    assert torch.equal(engine.parameters(state)["expression"], wanted.expression)
    off = FaceState(seed=3, edits=(Edit("my_zombie", 0.0),))
    assert torch.equal(engine.texture(off), engine.texture(FACE))
    assert torch.equal(engine.vertices(off), engine.vertices(FACE))


def test_edits_follow_one_another(engine):
    both = FaceState(seed=3, edits=(Edit("my_zombie"), Edit("my_clown", 0.5)))
    codes = engine.library.mapper("my_zombie")(sample_latents(engine.avatar, [3], FACE.psi))
    codes = engine.library.mapper("my_clown")(codes, 0.5)
    assert torch.equal(engine.edited(both).codes.w_plus, codes.w_plus)


def test_a_region_keeps_the_form_and_every_other_texel(engine):
    state = FaceState(seed=3, edits=(Edit("my_zombie", 1.0, "nose"),))
    outside = edit_mask(engine.head, "nose", 32)[0] == 0
    before, after = engine.texture(FACE)[0], engine.texture(state)[0]
    assert torch.equal(before[:, outside], after[:, outside]) and not torch.equal(before, after)
    assert torch.equal(engine.vertices(state), engine.vertices(FACE))


def test_a_change_computes_only_what_depends_on_it(engine):
    texture, vertices = engine.texture(EDITED), engine.vertices(EDITED)
    assert engine.texture(EDITED.with_weight("jawOpen", 0.4)) is texture
    assert engine.vertices(replace(EDITED)) is vertices
    weaker = FaceState(seed=3, edits=(Edit("my_zombie", 0.5),))
    assert engine.texture(weaker) is not texture
    kept = engine.texture(FACE)
    painted = []
    paint, engine.avatar.texture = engine.avatar.texture, lambda *w: painted.append(1) or paint(*w)
    engine.texture(FaceState(seed=3, edits=(Edit("my_zombie", 0.7, "nose"),)))
    assert len(painted) == 1, "the untouched face under a regional edit is painted once"
    assert engine.texture(FACE) is kept


def test_few_textures_are_kept_as_each_takes_megabytes(engine):
    old, used = engine.texture(FACE), engine.texture(EDITED)
    for seed in range(100, 100 + MOST_TEXTURES - 1):
        engine.texture(FaceState(seed=seed))
        assert engine.texture(EDITED) is used
    again = engine.texture(FACE)
    assert again is not old and torch.equal(again, old)


def test_a_better_mapper_of_the_same_name_is_used(engine):
    texture = engine.texture(EDITED)
    engine.library.put("my_zombie", engine.library.mapper("my_clown"))
    clown = engine.texture(FaceState(seed=3, edits=(Edit("my_clown"),)))
    assert torch.equal(engine.texture(EDITED), clown) and not torch.equal(clown, texture)
    engine.library.drop("my_zombie")
    assert torch.equal(engine.texture(EDITED), texture)


@pytest.mark.parametrize("name", ["nobody", "", "../runs", "my_zombie/../my_zombie"])
def test_a_mapper_that_is_not_there_is_an_error_that_says_so(engine, name):
    with pytest.raises(ValueError, match="mapper: expected a run in"):
        engine.texture(FaceState(edits=(Edit(name),)))


def test_a_shape_that_the_head_lacks_is_refused(engine):
    with pytest.raises(ValueError, match="expression: expected a slot"):
        engine.vertices(FACE.with_weight("noSuchShape", 0.5))


def test_a_mapper_of_another_head_is_refused(engine, runs):
    generator = engine.avatar.generator
    other = FaceMapper(generator.levels, generator.config["w_dim"], engine.head.n_expression + 1)
    notes = {"prompt": {"target": "a ghost"}, "psi": 0.7}
    other.save(runs / "other_head" / "mapper.safetensors", **notes, **engine.avatar.origin)
    try:
        with pytest.raises(ValueError, match="mapper: expected at most .* coefficients"):
            engine.texture(FaceState(edits=(Edit("other_head"),)))
        other.save(runs / "other_head" / "mapper.safetensors", **notes)  # as before UV maps were noted
        with pytest.raises(ValueError, match="other_head.*: expected UV map .*, got none noted.*; train it again"):
            Library(runs, engine.avatar).mapper("other_head")
        assert engine.library.find("a ghost") is None
    finally:
        shutil.rmtree(runs / "other_head")


def test_runs_are_found_by_words_nickname_and_folder(engine):
    for words in ("zombie", "A photo of a ZOMBIE", "my_zombie"):
        assert engine.library.find(words).name == "my_zombie"
    assert engine.library.find("a photo of an ogre") is None
    assert {run.name for run in engine.library.runs()} == {"my_zombie", "my_clown"}


def test_a_damaged_run_is_passed_over(engine, runs):
    (runs / "broken").mkdir()
    (runs / "broken" / "mapper.safetensors").write_bytes(b"")
    (runs / "broken" / "mapper.json").write_text("{")
    try:
        assert len(engine.library.runs()) == 2
    finally:
        for file in (runs / "broken").iterdir():
            file.unlink()
        (runs / "broken").rmdir()


def test_exports_hold_the_face(engine, tmp_path):
    state = EDITED.with_weight("jawOpen", 0.5)
    for content in (export.glb(engine, state), export.glb(engine, FACE)):
        assert content[:4] == b"glTF"
    with zipfile.ZipFile(io.BytesIO(export.obj(engine, state))) as archive:
        assert sorted(archive.namelist()) == ["head.mtl", "head.obj", "head.png"]
        lines = archive.read("head.obj").decode().splitlines()
        points = np.array([[float(x) for x in line.split()[1:4]] for line in lines if line.startswith("v ")])
    np.testing.assert_allclose(points, engine.vertices(state)[0].numpy(), atol=1e-5)
    (tmp_path / "face.npz").write_bytes(export.codes(engine, state))
    codes = read_latents(tmp_path / "face.npz", engine.avatar)
    assert torch.equal(codes.w_plus, engine.edited(state).codes.w_plus)
    assert torch.equal(codes.expression, engine.parameters(state)["expression"])
    camera = BrowserCamera((0, 0.02, 0.62), (0, 0.01, 0.0), (0, 1.0, 0), 0.5, (300, 600))
    settings = ViewSettings(comparison="side by side")
    image = Image.open(io.BytesIO(export.png(engine, state, settings, camera)))
    assert image.size == (2048, 1024) and np.asarray(image).min() < 200


def test_before_and_after_stand_side_by_side():
    assert shown_faces(EDITED, ViewSettings(comparison="side by side")) == ((FACE, EDITED),)
    assert shown_faces(EDITED, ViewSettings(comparison="before")) == ((FACE,),)
    assert shown_faces(EDITED, ViewSettings()) == ((EDITED,),)


def test_small_faces_are_made_once_and_show_their_edits(engine):
    assert engine.small(FACE, make=False) is None
    plain, edited = engine.small(FACE), engine.small(EDITED)
    assert plain.shape == (SMALL, SMALL, 3) and engine.small(FACE, make=False) is plain
    assert np.abs(plain.astype(int) - edited).mean() > 1


def test_a_layer_that_is_off_changes_nothing_and_the_rest_stays(engine):
    both = FaceState(seed=3, edits=(Edit("my_zombie"), Edit("my_clown", 0.5)))
    assert torch.equal(engine.texture(both.with_layer(1, on=False)), engine.texture(EDITED))
    assert torch.equal(engine.vertices(both.with_layer(1, on=False)), engine.vertices(EDITED))
    assert not torch.equal(engine.texture(both.with_layer_moved(0, 1)), engine.texture(both)), "order matters"


def test_a_mood_moves_both_sides_as_its_slots_say(engine):
    smiling = engine.parameters(FACE.with_value("moods", "smiling", 0.5))["expression"][0]
    left, right = (engine.slots[f"mouthSmile{side}"] for side in ("Left", "Right"))
    assert smiling[left] == smiling[right] > 0.3 and smiling[engine.slots["browInnerUp"]] == 0
    more = engine.parameters(FACE.with_value("moods", "smiling", 0.5).with_weight("mouthSmileLeft", 0.1))["expression"]
    torch.testing.assert_close(more[0, left], smiling[left] + 0.1)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_length_on_the_mesh_is_longer_by_the_millimetres_asked_for(engine, name):
    lengths = []
    for state in (FACE, FACE.with_value("form", name, 2.0)):
        parameters = {**engine.parameters(state), "expression": torch.zeros(1, engine.head.n_expression)}
        points = engine.head.landmarks(engine.head(**parameters))[0]
        known = {key: [1000 * (points[a] - points[b]).norm() for a, b in MEASUREMENTS[key]] for key in MEASUREMENTS}
        lengths.append({key: float(torch.stack(values).mean()) for key, values in known.items()})
    for key in MEASUREMENTS:
        assert lengths[1][key] - lengths[0][key] == pytest.approx(2.0 if key == name else 0.0, abs=0.02), key


def test_sliders_of_people_move_texture_and_head_and_are_not_edits(data, runs, tmp_path):
    for suffix in ("safetensors", "json"):
        shutil.copy(data / f"generator.{suffix}", tmp_path)
    table().save(tmp_path / PEOPLE_FILE, tmp_path / "generator.safetensors")
    avatar = load_avatar(tmp_path / "generator.safetensors", HeadConfig(), RendererConfig())
    engine = Engine(avatar, Library(runs, avatar))
    older = EDITED.with_value("sliders", "older", 20.0)
    assert older.unedited() == FACE.with_value("sliders", "older", 20.0)
    assert older.with_value("sliders", "older", 0.0) == EDITED
    codes = load_mapper("slider:older", avatar)(sample_latents(avatar, [3], FACE.psi))
    found = engine.edited(older.unedited())
    torch.testing.assert_close(found.codes.w_plus, codes.w_plus)
    torch.testing.assert_close(found.shape, codes.shape)
    assert not torch.equal(engine.texture(older.unedited()), engine.texture(FACE))
    assert not torch.equal(engine.vertices(older), engine.vertices(EDITED))
