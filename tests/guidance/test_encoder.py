import json
import warnings

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from clipface.guidance.encoder import build_face_encoder, load_encoder, save_face_encoder
from clipface.guidance.resize import by_matrices, resized
from clipface.settings import GuidanceConfig

WORDS = ["a", "photo", "of", "zombie"]


@pytest.mark.parametrize("size", [(32, 32), (75, 75), (20, 20), (64, 40)])
def test_pictures_of_any_size_give_unit_vectors_and_gradients(encoder, size):
    images = torch.rand(2, 3, *size, requires_grad=True)
    features = encoder.encode_image(images)
    assert features.shape == (2, 16)
    assert torch.allclose(features.norm(dim=1), torch.ones(2), atol=1e-5)
    features[:, 0].sum().backward()
    assert torch.isfinite(images.grad).all() and images.grad.abs().sum() > 0


def test_resizing_is_antialiased(encoder):
    """Fine stripes are grey from afar; picking single pixels would make them black or white."""
    stripes = (torch.arange(256) % 2).float().expand(1, 3, 256, 256).contiguous()
    assert torch.allclose(
        encoder.encode_image(stripes), encoder.encode_image(torch.full((1, 3, 32, 32), 0.5)), atol=0.02
    )


def test_normalisation_is_inside(encoder):
    images = torch.rand(1, 3, 32, 32)
    plain = encoder.model.encode_image(images * 2 - 1, normalize=True)
    assert torch.allclose(encoder.encode_image(images), plain, atol=1e-6)


def test_one_picture_alone_and_in_a_batch_agree(encoder):
    images = torch.rand(3, 3, 32, 32)
    assert torch.allclose(encoder.encode_image(images)[1:2], encoder.encode_image(images[1:2]), atol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 255.0])
def test_values_that_are_no_colours_are_refused(encoder, bad):
    images = torch.rand(1, 3, 32, 32)
    images[0, 1, 4, 4] = bad
    with pytest.raises(ValueError, match=r"images: expected numbers in 0\.\.1, got"):
        encoder.encode_image(images)


@pytest.mark.parametrize("overshoot", [-0.5, 1.5])
def test_corners_of_antialiased_pictures_may_overshoot(encoder, overshoot):
    images = torch.rand(1, 3, 32, 32)
    images[0, 1, 4, 4] = overshoot
    assert encoder.encode_image(images).isfinite().all()


def test_wrong_shapes_are_refused(encoder):
    with pytest.raises(ValueError, match="images"):
        encoder.encode_image(torch.rand(3, 32, 32))
    with pytest.raises(TypeError, match="texts"):
        encoder.encode_text("a photo")


def test_unknown_words_give_a_warning_with_the_remedy(encoder):
    assert encoder.unknown_words("a photo of a qwerty zombie") == ["qwerty"]
    with pytest.warns(UserWarning, match="qwerty.*guidance=vit_b_32"):
        encoder.encode_text(["a photo of a qwerty zombie"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode_text(["a photo of zombies"])


def test_frozen_stays_frozen(encoder):
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_round_trip_of_a_face_encoder(encoder, architecture, tmp_path):
    path = save_face_encoder(tmp_path / "mine.safetensors", encoder, architecture)
    again = load_encoder(GuidanceConfig(weights=str(path)))
    images = torch.rand(2, 3, 32, 32)
    # Written in half precision.
    assert torch.allclose(encoder.encode_image(images), again.encode_image(images), atol=5e-3)
    texts = ["a photo of a zombie", "a smiling man"]
    assert torch.allclose(encoder.encode_text(texts), again.encode_text(texts), atol=5e-3)


def test_cut_off_or_foreign_face_encoders_are_refused(encoder, architecture, tmp_path):
    path = save_face_encoder(tmp_path / "mine.safetensors", encoder, architecture)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut off"):
        load_encoder(GuidanceConfig(weights=str(path)))
    path.write_bytes(whole)
    described = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**described, "words": described["words"][:-1]}))
    with pytest.raises(ValueError, match="token_embedding"):
        load_encoder(GuidanceConfig(weights=str(path)))
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(ValueError, match="does not describe a face encoder"):
        load_encoder(GuidanceConfig(weights=str(path)))


def test_architecture_errors_name_the_key(architecture):
    with pytest.raises(ValueError, match="model.*embed_dim"):
        build_face_encoder({}, WORDS)
    with pytest.raises(ValueError, match="pach_size"):
        build_face_encoder({**architecture, "vision_cfg": {**architecture["vision_cfg"], "pach_size": 8}}, WORDS)


def test_unknown_names_list_close_ones():
    with pytest.raises(ValueError, match="ViT-B32.*ViT-B-32"):
        load_encoder(GuidanceConfig(model="ViT-B32"))
    with pytest.raises(ValueError, match="guidance.pretrained.*openai"):
        load_encoder(GuidanceConfig(model="ViT-B-32", pretrained="openay"))


@pytest.fixture
def tiny_open_clip(tmp_path):
    """A model that open_clip knows by name."""
    (tmp_path / "tiny-clip.json").write_text(
        json.dumps(
            {
                "embed_dim": 8,
                "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
                "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
            }
        )
    )
    open_clip.add_model_config(tmp_path / "tiny-clip.json")
    return open_clip.create_model("tiny-clip")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_local_weights_of_an_open_clip_model(tiny_open_clip, tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    state = tiny_open_clip.state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save({"state_dict": state}, path)
    encoder = load_encoder(GuidanceConfig(model="tiny-clip", weights=str(path)))
    tokens = open_clip.get_tokenizer("tiny-clip")(["a zombie"])
    plain = tiny_open_clip.eval().encode_text(tokens, normalize=True)
    assert torch.allclose(encoder.encode_text(["a zombie"]), plain, atol=1e-6)
    assert encoder.encode_image(torch.rand(1, 3, 50, 50)).shape == (1, 8)
    assert encoder.unknown_words("qwerty") == []

    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="guidance.weights.*cut off"):
        load_encoder(GuidanceConfig(model="tiny-clip", weights=str(path)))


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_weights_that_would_run_code_are_refused(tiny_open_clip, tmp_path):
    torch.save({"state_dict": Trap(tmp_path / "sprung")}, tmp_path / "trap.pt")
    with pytest.raises(ValueError, match="guidance.weights"):
        load_encoder(GuidanceConfig(model="tiny-clip", weights=str(tmp_path / "trap.pt")))
    assert not (tmp_path / "sprung").exists()


def test_missing_and_foreign_files_are_refused(tiny_open_clip, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_encoder(GuidanceConfig(model="tiny-clip", weights=str(tmp_path / "nowhere.pt")))
    (tmp_path / "weights.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"\.safetensors"):
        load_encoder(GuidanceConfig(model="tiny-clip", weights=str(tmp_path / "weights.npz")))
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="expected weights of tiny-clip, .* got other"):
        load_encoder(GuidanceConfig(model="tiny-clip", weights=str(tmp_path / "other.safetensors")))


@pytest.mark.parametrize("side", [20, 32, 45])
def test_images_are_resized_by_matrices_as_by_pytorch(side):
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    cotangent = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    found = []
    for resize in (resized, by_matrices):
        result = resize(images, side)
        found.append((result, *torch.autograd.grad(result, images, cotangent)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
