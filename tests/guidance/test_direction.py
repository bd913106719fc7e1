import pytest
import torch

from clipface.guidance import DirectionalLoss, Encoder, EncoderMean
from clipface.guidance.directional_loss import encode_phrases
from clipface.guidance.encoder import build_face_encoder


class CountingEncoder(Encoder):
    """Counts how often words are encoded."""

    counted = 0

    def encode_tokens(self, tokens):
        self.counted += 1
        return super().encode_tokens(tokens)


TARGET, SOURCE = "a photo of a zombie", "a photo of a face"


def test_it_is_the_plain_formula(encoder):
    edited, original = torch.rand(2, 4, 3, 32, 32)
    image = encoder.encode_image(edited) - encoder.encode_image(original)
    words = encoder.encode_text([TARGET]) - encoder.encode_text([SOURCE])
    plain = 1 - (image * words).sum(1) / (image.norm(dim=1) * words.norm(dim=1))
    loss = DirectionalLoss(encoder, TARGET, SOURCE, floor=1e-6)
    assert torch.allclose(loss(edited, original), plain.mean(), atol=1e-5)
    assert torch.allclose(loss(edited, encoder.encode_image(original)), plain.mean(), atol=1e-5)
    assert torch.allclose(loss.agreement(edited, original), 1 - plain, atol=1e-5)


def test_no_change_gives_one_and_a_gradient_towards_the_words(encoder):
    original = torch.rand(2, 3, 32, 32)
    edited = original.clone().requires_grad_()
    loss = DirectionalLoss(encoder, TARGET, floor=0.1)
    value = loss(edited, original)
    assert value.item() == 1.0
    value.backward()
    assert torch.isfinite(edited.grad).all() and edited.grad.abs().sum() > 0
    # A short step along the gradient moves the features along the words, so the loss falls.
    assert loss(original - 0.01 * edited.grad / edited.grad.abs().max(), original) < 1


def test_gradient_in_the_features_is_bounded_by_the_floor(encoder):
    loss = DirectionalLoss(encoder, TARGET, floor=0.1)

    class Same(torch.nn.Module):
        def encode_image(self, features):
            return features

    loss.encoder = Same()
    for size in (0.0, 1e-20, 1e-6, 0.01, 0.1, 1.0):
        change = (size * torch.randn(1, 16)).requires_grad_()
        loss(change, torch.zeros(1, 16)).backward()
        assert change.grad.norm() <= 10.001


def test_batch_of_one_and_of_three_agree(encoder):
    edited, original = torch.rand(2, 3, 3, 32, 32)
    loss = DirectionalLoss(encoder, TARGET)
    alone = torch.stack([loss(edited[i : i + 1], original[i : i + 1]) for i in range(3)])
    assert torch.allclose(loss(edited, original), alone.mean(), atol=1e-5)


def test_words_are_encoded_once(encoder):
    counting = CountingEncoder(encoder.model, encoder.tokenizer, encoder.image_size, [0.5] * 3, [0.5] * 3).freeze()
    loss = DirectionalLoss(counting, TARGET)
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    for _ in range(3):
        loss(images, images.detach().flip(0)).backward()
    assert counting.counted == 1


def test_only_the_edited_picture_gets_a_gradient(encoder):
    edited, original = torch.rand(2, 1, 3, 32, 32).requires_grad_().unbind()
    edited.retain_grad(), original.retain_grad()
    DirectionalLoss(encoder, TARGET)(edited, original).backward()
    assert edited.grad is not None and original.grad is None


def test_nothing_of_the_loss_is_kept_in_checkpoints(encoder):
    assert "direction" not in DirectionalLoss(encoder, TARGET).state_dict()


def test_words_that_mean_the_source_are_refused(encoder):
    with pytest.raises(ValueError, match="target"):
        DirectionalLoss(encoder, "A photo of a face!", SOURCE)
    with pytest.raises(ValueError, match="floor"):
        DirectionalLoss(encoder, TARGET, floor=0.0)
    with pytest.raises(ValueError, match="original"):
        DirectionalLoss(encoder, TARGET)(torch.rand(2, 3, 32, 32), torch.rand(3, 16))


def test_a_negative_turns_the_direction_away_from_it(encoder):
    negative = "smiling man"
    plain, turned = DirectionalLoss(encoder, TARGET), DirectionalLoss(encoder, TARGET, negative=negative)
    away = encoder.encode_text([TARGET])[0] - encoder.encode_text([negative])[0]
    assert away @ turned.direction > away @ plain.direction + 1e-4
    target, source, other = encoder.encode_text([TARGET, SOURCE, negative])
    wanted = (target - source) + 0.5 * (target - other)
    assert torch.allclose(turned.direction, wanted / wanted.norm(), atol=1e-6)
    with pytest.raises(ValueError, match="negative 'a photo of a zombie'"):
        DirectionalLoss(encoder, TARGET, negative=TARGET)


def test_templates_are_averaged_and_the_default_is_the_phrase_itself(encoder):
    templates = ["a photo of {}", "{} with wrinkles"]
    features = encode_phrases(encoder, ["zombie", "face"], templates)
    for row, phrase in zip(features, ("zombie", "face"), strict=True):
        mean = encoder.encode_text([template.format(phrase) for template in templates]).mean(0)
        assert torch.allclose(row, mean / mean.norm(), atol=1e-6)
    assert torch.allclose(encode_phrases(encoder, [TARGET], ["{}"]), encoder.encode_text([TARGET]), atol=1e-6)
    for wrong in ([], ["a photo"], ["{} and {}"]):
        with pytest.raises(ValueError, match="templates"):
            encode_phrases(encoder, ["zombie"], wrong)


def test_several_encoders_are_averaged(encoder, architecture):
    torch.manual_seed(1)
    second = build_face_encoder({**architecture, "embed_dim": 24}, encoder.tokenizer.words).freeze()
    losses = [DirectionalLoss(one, TARGET, SOURCE) for one in (encoder, second)]
    both = EncoderMean(losses)
    edited, original = torch.rand(2, 3, 3, 32, 32)
    mean = (losses[0](edited, original) + losses[1](edited, original)) / 2
    assert torch.allclose(both(edited, original), mean, atol=1e-6)
    known = both.encode(edited), both.encode(original)
    assert [x.shape[1] for x in known[0]] == [16, 24]
    assert torch.allclose(both(*known), mean, atol=1e-6)
    similar = [one.encode_image(edited) @ one.encode_text([TARGET])[0] for one in (encoder, second)]
    assert torch.allclose(both.similarity(edited), sum(similar) / 2, atol=1e-6)
    with pytest.raises(ValueError, match="losses"):
        EncoderMean([])


def test_the_loss_is_not_rounded_in_reduced_precision(encoder):
    edited, original = torch.rand(2, 4, 3, 32, 32)
    loss = DirectionalLoss(encoder, TARGET)
    known = encoder.encode_image(edited), encoder.encode_image(original)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = loss(*known)
    assert torch.allclose(reduced, loss(*known), atol=1e-6)
