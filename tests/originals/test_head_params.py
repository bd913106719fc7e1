"""The head of flame_params.pkl and verts.pkl: its camera, its coefficients from vertices, and in trainings."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from commands import script
from PIL import Image

from clipface.edit.loading import load_avatar
from clipface.edit.persons.head_params import read_head_params
from clipface.edit.persons.sources import known_faces
from clipface.render.camera import project
from clipface.settings import FacesConfig, HeadConfig, RendererConfig
from scripts.recipes.originals_build.faces import TFORM
from trainer.common.config import TrainerConfig
from trainer.mapper.config import MapperConfig, PromptConfig
from trainer.mapper.train import build


@pytest.fixture
def avatar(flame):
    return load_avatar(flame / "stylegan_G.pth", HeadConfig("flame"), RendererConfig())


def test_the_camera_is_decas_in_its_crop_or_as_the_first_implementation_shows_it(flame, avatar):
    params = read_head_params(flame / "flame_params.pkl", avatar.head)
    vertices = avatar.head(*(part[None] for part in params[:3]))
    scale, *shift = params.camera.tolist()
    crop = scale * (vertices[0, :, :2].double().numpy() + shift) * [1, -1]
    seen = project(vertices, params.view(flame / "flame_params.pkl"))[0, :, :2]
    np.testing.assert_allclose(seen.numpy(), crop, atol=1e-5)
    pixels = np.c_[(2 * crop + 1) / 2 * 224, np.ones(len(crop))] @ np.linalg.inv(TFORM).T
    seen = project(vertices, params.view(flame / "flame_params.pkl", flame / "sample_deca.pkl"))[0, :, :2]
    np.testing.assert_allclose(seen.numpy(), pixels[:, :2] / 512 - 1, atol=1e-4)


def test_vertices_are_described_by_coefficients(flame, avatar, tmp_path):
    given = pickle.loads((flame / "verts.pkl").read_bytes())
    codes = known_faces(FacesConfig("0:2", head_params=str(flame / "verts.pkl")), avatar, 1.0)
    np.testing.assert_allclose(avatar.vertices(codes)[1].numpy(), given, atol=1e-5)
    (tmp_path / "other.pkl").write_bytes(pickle.dumps(given[::-1].copy()))
    with pytest.raises(ValueError, match=r"miss by .* mm; give flame_params\.pkl"):
        read_head_params(tmp_path / "other.pkl", avatar.head)
    (tmp_path / "short.pkl").write_bytes(pickle.dumps(given[1:]))
    with pytest.raises(ValueError, match=r"expected \(122, 3\) finite vertices, got \(121, 3\)"):
        read_head_params(tmp_path / "short.pkl", avatar.head)
    with pytest.raises(ValueError, match=r"sample_deca\.pkl: expected shape .*, got tform; give it as --tform"):
        read_head_params(flame / "sample_deca.pkl", avatar.head)
    with pytest.raises(FileNotFoundError, match="tform: none.pkl does not exist; expected sample_deca.pkl"):
        read_head_params(flame / "flame_params.pkl", avatar.head).view("", "none.pkl")


def test_a_file_that_was_written_again_is_read_again(flame, avatar, tmp_path):
    given, path = pickle.loads((flame / "flame_params.pkl").read_bytes()), tmp_path / "params.pkl"
    for shape in (given["shape"], 2 * given["shape"]):
        path.write_bytes(pickle.dumps({**given, "shape": shape}))
        found = read_head_params(path, avatar.head)
        assert found is read_head_params(path, avatar.head), "trainings ask at every step"
        np.testing.assert_array_equal(found.shape[: shape.shape[1]].numpy(), shape[0])


def test_edited_stills_and_portraits_are_seen_by_the_camera(flame, tmp_path):
    given = ["--generator", str(flame / "stylegan_G.pth"), "--head", "flame", "--device", "cpu", "--size", "64"]
    given += ["--mapper", str(flame / "expression" / "angry.pt"), "--head-params", str(flame / "flame_params.pkl")]
    images = {}
    for name, more in {
        "plain": [], "crop": ["--head-camera"],
        "shown": ["--head-camera", "--tform", str(flame / "sample_deca.pkl")],
    }.items():  # fmt: skip
        script("edit").main([*given, *more, "--latents", "0:1", "--output", str(tmp_path / name)])
        script("render").main([*given, *more, "--face", "0", "--output", str(tmp_path / f"{name}.png")])
        grid = np.asarray(Image.open(tmp_path / name / "faces.png").convert("L"), np.float32)
        images[name] = grid, np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"), np.float32)
    for which in (0, 1):
        for other in ("plain", "shown"):
            assert np.abs(images["crop"][which] - images[other][which]).mean() > 1
    with pytest.raises(ValueError, match="expected --head-params with it"):
        script("edit").main([*given[:10], "--head-camera", "--latents", "0:1", "--output", str(tmp_path / "none")])


def test_portraits_have_the_pose(flame, tmp_path):
    params = pickle.loads((flame / "flame_params.pkl").read_bytes())
    still = tmp_path / "still.pkl"
    still.write_bytes(pickle.dumps({**params, "pose": 0 * params["pose"]}))
    images = []
    for file in (flame / "flame_params.pkl", still):
        given = ["--generator", str(flame / "stylegan_G.pth"), "--head", "flame", "--device", "cpu", "--size", "64"]
        given += ["--face", "0", "--head-params", str(file), "--output", str(tmp_path / "image.png")]
        script("render").main(given)
        images.append(np.asarray(Image.open(tmp_path / "image.png"), np.float32))
    assert np.abs(images[0] - images[1]).max() > 20


def test_a_training_edits_the_head_in_its_pose(flame, tiny_files, tmp_path):
    faces = FacesConfig(str(flame / "latents" / "train"), head_params=str(flame / "flame_params.pkl"))
    config = MapperConfig(
        batch_size=2, image_size=32, faces=faces, head=HeadConfig("flame"), generator=str(flame / "stylegan_G.pth"),
        prompt=PromptConfig("zombie", "a photo of a zombie"), trainer=TrainerConfig(steps=1),
    )  # fmt: skip
    config = replace(config, guidance=replace(config.guidance, weights=str(tiny_files / "face_encoder.safetensors")))
    module = build(config)
    batch = module.data[0]
    edited = module.edit(batch.faces, batch.texture)  # by a mapper that changes nothing yet
    torch.testing.assert_close(edited.vertices, module.avatar.vertices(batch.faces.codes))
