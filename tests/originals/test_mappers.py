"""The authors' mappers: every form of their files, against the plain formula, and wherever a mapper is named."""

import math
import zipfile
from pathlib import Path

import pytest
import torch
from commands import script
from torch.nn import functional

from clipface.animation import Motion
from clipface.edit.apply import edit_importance
from clipface.edit.files import read_latents
from clipface.edit.loading import load_avatar, load_editor, read_mapper
from clipface.edit.mapper import FaceMapper
from clipface.edit.sampling import sample_latents
from clipface.edit.video_mapper import VideoMapper
from clipface.settings import HeadConfig, RendererConfig
from clipface.view.edits.library import Library
from scripts.recipes.originals_build.sizes import SMALL
from trainer.mapper.config import ModelConfig
from trainer.mapper.module import initial_mapper

FORMS = {
    "texture/zombie.pt": FaceMapper,
    "expression/angry.pt": FaceMapper,
    "pretrain_mapper.pt": FaceMapper,
    "video/laugh.pt": VideoMapper,
    "pretrain_video_mapper.pt": VideoMapper,
}


@pytest.fixture
def avatar(flame):
    return load_avatar(flame / "stylegan_G.pth", HeadConfig("flame"), RendererConfig())


def plainly(state, inputs):
    """A network of the authors on rows of inputs."""
    x = inputs / (inputs.square().mean(-1, keepdim=True) + 1e-8).sqrt()
    for i in range(len(state) // 2):
        weight, bias = 0.01 * state[f"layers.{i}.weight"], 0.01 * state[f"layers.{i}.bias"]
        x = functional.leaky_relu(x @ weight.T / math.sqrt(weight.shape[1]) + bias, 0.2) * math.sqrt(2)
    return x


@pytest.mark.parametrize("form", FORMS)
def test_widths_tell_what_a_file_is(form, originals, avatar):
    mapper, notes = read_mapper(originals / form, avatar, None)
    assert isinstance(mapper, FORMS[form]) and not notes
    parts = [mapper.texture is not None, getattr(mapper, "expression", None) is not None]
    assert parts == [True, form in ("expression/angry.pt", "pretrain_mapper.pt")]


@pytest.mark.parametrize("levels", [SMALL.levels, SMALL.levels - 2])
def test_the_expression_reads_the_mean_of_all_levels(levels, originals, avatar, tmp_path):
    w_plus = torch.randn(3, SMALL.levels, SMALL.dim)
    if levels < SMALL.levels:  # codes of our own: the levels that nobody reads are as the last one
        w_plus[:, levels:] = w_plus[:, levels - 1 : levels]
    torch.save(w_plus[:, :levels], tmp_path / "codes.pt")
    mapper, _ = read_mapper(originals / "expression" / "angry.pt", avatar)
    codes = read_latents(tmp_path / "codes.pt", avatar)
    edited = mapper(codes)
    states = torch.load(originals / "expression" / "angry.pt")
    moved = torch.stack([w_plus[:, i] + plainly(states[f"level_{i}"], w_plus[:, i]) for i in range(SMALL.levels)], 1)
    torch.testing.assert_close(edited.w_plus, moved[:, : SMALL.levels - 2], atol=1e-4, rtol=0)
    expression = plainly(states["geo"], moved.mean(1))
    torch.testing.assert_close(edited.expression[:, : SMALL.coefficients], expression, atol=1e-4, rtol=0)
    one = mapper(codes.rows([1]))
    torch.testing.assert_close(one.expression, edited.expression[1:2], atol=1e-5, rtol=0)


def test_one_network_starts_every_level(originals, avatar):
    mapper, _ = read_mapper(originals / "pretrain_mapper.pt", avatar)
    codes, states = sample_latents(avatar, [0, 1], 1.0), torch.load(originals / "pretrain_mapper.pt")
    moved = codes.w_plus + plainly(states["texture_mapper"], codes.w_plus)
    torch.testing.assert_close(mapper(codes).w_plus, moved, atol=1e-4, rtol=0)


def test_networks_of_animations_read_the_motion(originals, avatar):
    codes = sample_latents(avatar, [0, 1], 1.0).w_plus
    motion = torch.randn(2, SMALL.coefficients + 6)
    inputs = torch.cat([codes, motion[:, None].expand(-1, codes.shape[1], -1)], -1)
    for name in ("video/laugh.pt", "pretrain_video_mapper.pt"):
        states = torch.load(originals / name)
        mapper, _ = read_mapper(originals / name, avatar, None)
        offsets = mapper.offsets(codes, *motion.split([SMALL.coefficients, 6], 1))
        for level in range(codes.shape[1]):
            wanted = plainly(states.get("texture_mapper") or states[f"level_{level}"], inputs[:, level])
            torch.testing.assert_close(offsets[:, level], wanted, atol=1e-4, rtol=0)


def test_files_of_other_generators_and_other_kinds_are_refused(originals, avatar, tmp_path):
    states = torch.load(originals / "texture" / "zombie.pt")
    torch.save({**states, "level_10": states["level_0"]}, tmp_path / "longer.pt")
    with pytest.raises(ValueError, match="expected networks of 8 levels, or 10 .* got 11"):
        read_mapper(tmp_path / "longer.pt", avatar)
    with pytest.raises(ValueError, match="got one of animations; give it to scripts/animate.py"):
        read_mapper(originals / "video" / "laugh.pt", avatar)
    with pytest.raises(
        FileNotFoundError, match=r"expected a run's folder, .*; give one of its files, such as .*zombie\.pt"
    ):
        script("edit").main(["--mapper", str(originals / "texture"), "--latents", "0:1", "--output", str(tmp_path)])
    with pytest.raises(FileNotFoundError, match="mapper: runs/zombi does not exist; give a run's folder"):
        script("edit").main(["--mapper", "runs/zombi", "--latents", "0:1", "--output", str(tmp_path)])
    with pytest.raises(ValueError, match="no mapper of animations"):
        read_mapper(originals / "texture" / "zombie.pt", avatar, VideoMapper)


def test_what_is_no_network_is_named(flame, avatar, tmp_path):
    torch.save({**torch.load(flame / "expression" / "angry.pt"), "epoch": 5}, tmp_path / "mapper.pt")
    with pytest.raises(ValueError, match=r"expected networks of weights by name, got epoch \(int\) too"):
        read_mapper(tmp_path / "mapper.pt", avatar)
    torch.save({"g_ema": torch.load(flame / "stylegan_G.pth"), "step": 3}, tmp_path / "G.pth")
    with pytest.raises(ValueError, match=r"G\.pth: expected tensors by name alone, got g_ema \(dict\), step \(int\)"):
        load_avatar(tmp_path / "G.pth", HeadConfig("flame"), RendererConfig())


def test_key_order_precision_and_device_of_a_file_do_not_matter(originals, avatar, tmp_path):
    states = torch.load(originals / "expression" / "angry.pt")
    codes = sample_latents(avatar, [0], 1.0)
    wanted = read_mapper(originals / "expression" / "angry.pt", avatar)[0](codes)
    turned = {key: {name: x.double() for name, x in reversed(state.items())} for key, state in reversed(states.items())}
    torch.save(turned, tmp_path / "turned.pt")
    with (
        zipfile.ZipFile(originals / "expression" / "angry.pt") as file,
        zipfile.ZipFile(tmp_path / "cuda.pt", "w") as other,
    ):
        for name in file.namelist():  # as a file of tensors on a GPU, which this machine may not have
            other.writestr(name, file.read(name).replace(b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:0"))
    for name in ("turned.pt", "cuda.pt"):
        got = read_mapper(tmp_path / name, avatar)[0](codes)
        torch.testing.assert_close(got.w_plus, wanted.w_plus)
        torch.testing.assert_close(got.expression, wanted.expression)


def test_saved_again_it_gives_the_same(originals, avatar, tmp_path):
    mapper, _ = read_mapper(originals / "expression" / "angry.pt", avatar)
    mapper.save(tmp_path / "mapper.safetensors")
    again, _ = read_mapper(tmp_path / "mapper.safetensors", avatar)
    codes = sample_latents(avatar, [3], 1.0)
    assert torch.equal(again(codes).expression, mapper(codes).expression)


def test_commands_take_them(flame, tmp_path):
    given = ["--generator", str(flame / "stylegan_G.pth"), "--head", "flame", "--device", "cpu"]
    mappers = [str(flame / name) for name in ("texture/zombie.pt", "expression/angry.pt")]
    options = ["--size", "32", "--output", str(tmp_path / "edits"), "--latents", "0:2"]
    batch = script("edit").main(["--mapper", *mappers, *options, *given])
    assert batch.edited.expression.abs().max() > 0.01
    script("export").main(["--mapper", mappers[1], "--output", str(tmp_path / "face.glb"), *given])
    assert (tmp_path / "face.glb").is_file()
    editor = load_editor([flame / "video" / "laugh.pt"], generator=given[1], head="flame", device="cpu", animated=True)
    assert isinstance(editor.mappers[0], VideoMapper)


def test_the_page_knows_them_by_their_files_names(flame, avatar, tmp_path):
    for name in ("texture/zombie.pt", "expression/angry.pt"):
        (tmp_path / Path(name).name).write_bytes((flame / name).read_bytes())
    library, codes = Library(tmp_path, avatar), sample_latents(avatar, [0], 1.0)
    assert {run.name for run in library.runs()} == {"zombie.pt", "angry.pt"}
    for words in ("Angry", "a photo of an angry person"):
        edited = library.mapper(library.find(words).name)(codes)
        wanted = read_mapper(flame / "expression" / "angry.pt", avatar)[0](codes)
        torch.testing.assert_close(edited.expression, wanted.expression)
    with pytest.raises(ValueError, match=r"expected a run in .* got '\.\./angry\.pt'"):
        library.mapper("../angry.pt")


def test_a_training_begins_with_them_and_keeps_their_mean(originals, avatar):
    for name in ("texture/zombie.pt", "expression/angry.pt", "pretrain_mapper.pt"):
        mapper = initial_mapper(ModelConfig(init_from=str(originals / name)), avatar)
        file, codes = read_mapper(originals / name, avatar)[0], sample_latents(avatar, [0], 1.0)
        assert torch.equal(mapper(codes).w_plus, file(codes).w_plus)
        torch.testing.assert_close(mapper(codes).expression, file(codes).expression)


def test_their_importance_counts_expression_and_jaw_only(originals, avatar):
    turning = torch.zeros(3, 6)
    turning[:, 1] = torch.tensor([0.0, 1.0, 0.2])
    turning[:, 3] = torch.tensor([0.0, 0.0, 0.3])
    still = torch.zeros(3, avatar.head.n_expression)
    motion = Motion(still, turning, torch.zeros(3, 3), torch.zeros(3, 6), 25.0, ())
    published, _ = read_mapper(originals / "video" / "laugh.pt", avatar, None)
    assert edit_importance(motion, published).tolist() == [0, 0, 1]
    own = VideoMapper(*(published.config[name] for name in ("levels", "dim", "n_expression")))
    assert edit_importance(motion, own).argmax() == 1
