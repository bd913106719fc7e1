from collections import namedtuple

import torch
from torch.nn import functional

from clipface.guidance.contrastive import Agreement, contrastive_loss, direction_loss
from clipface.guidance.tokenizer import WordTokenizer

Face = namedtuple("Face", "eyes hair")
CHOICES = {"eyes": ("blue", "brown"), "hair": ("blond", "brown")}
FACES = [Face(eyes, hair) for eyes in CHOICES["eyes"] for hair in CHOICES["hair"]]


def _caption(face: Face, tells: str) -> str:
    return f"a face with {getattr(face, tells)} {tells}" if tells else "a face"


TOKENIZER = WordTokenizer("a face with blue brown blond eyes hair".split(), 10)


def _agreement(times: int) -> Agreement:
    agreement = Agreement(TOKENIZER.size, CHOICES)
    for tells in ("eyes", "hair", ""):
        captions = [_caption(face, tells) for face in FACES]
        agreement.count(TOKENIZER(captions).repeat(times, 1), agreement.values(FACES).repeat(times, 1))
    return agreement


def test_captions_contradict_faces_with_other_values_only():
    agreement = _agreement(50)
    for tells in ("eyes", "hair", ""):
        captions = TOKENIZER([_caption(face, tells) for face in FACES])
        wrong = agreement.contradicts(captions, agreement.values(FACES))
        expected = [[bool(tells) and getattr(a, tells) != getattr(b, tells) for b in FACES] for a in FACES]
        assert wrong.tolist() == expected


def test_few_counts_prove_nothing():
    agreement = _agreement(1)
    assert not agreement.contradicts(TOKENIZER(["a face with blue eyes"]), agreement.values(FACES)).any()


def test_loss_is_clips_when_all_others_contradict():
    images, texts = functional.normalize(torch.randn(2, 6, 8), dim=-1)
    logits = 10 * images @ texts.T
    target = torch.arange(6)
    plain = (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2
    assert torch.allclose(contrastive_loss(images, texts, torch.tensor(10.0), ~torch.eye(6, dtype=torch.bool)), plain)


def test_captions_that_may_be_true_take_no_part():
    images = functional.normalize(torch.randn(4, 8), dim=-1).requires_grad_()
    texts = images.detach()[:1].expand(4, 8)
    loss = contrastive_loss(images, texts, torch.tensor(10.0), torch.zeros(4, 4, dtype=torch.bool))
    assert loss.item() == 0
    loss.backward()
    assert torch.isfinite(images.grad).all()


def test_direction_loss_is_zero_for_parallel_changes_and_finite_for_none():
    texts = torch.randn(4, 8)
    assert direction_loss(texts * 3 + 1, texts).abs() < 1e-5
    still = torch.zeros(4, 8, requires_grad=True)
    direction_loss(still, texts).backward()
    assert torch.isfinite(still.grad).all()
