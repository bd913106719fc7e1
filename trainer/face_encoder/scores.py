"""How well a face encoder tells painted faces and photographs apart by words."""

import random

import torch
from torch import Tensor

from clipface.guidance.contrastive import Agreement
from clipface.guidance.encoder import Encoder
from clipface.synthetic.attributes import AGES, CHOICES, SEXES
from clipface.synthetic.words.look_words import LOOK_NOUNS
from trainer.face_encoder.data import CaptionedImages
from trainer.face_encoder.photographs import LabelledImages
from trainer.face_encoder.phrases import PhrasedImages, Phrases

PHRASES_ASKED = 20
_PART = 256  # images encoded at a time
_QUESTIONS = {  # what a prompt says of each value of an attribute
    "look": "a photo of a {}",
    "expression": "a photo of a {} person",
    "age": "a photo of a {} person",
    "sex": "a photo of a {}",
    "makeup": "a photo of a person with {} makeup",
    "eyes": "a photo of a person with {} eyes",
    "beard": "a photo of a man with a {}",
}
_ASKED_OF_PHOTOGRAPHS = {"sex": SEXES, "age": AGES, "expression": ("neutral", "smiling")}
_ON_EVERY_LOOK = ("look", "expression")  # asked of stylised looks too, which may hide the others


@torch.no_grad()
def painted_scores(encoder: Encoder, painted: CaptionedImages, agreement: Agreement) -> dict[str, float]:
    """Ask for each attribute's value by prompts, and for each image's caption among all captions.

    Args:
        encoder: in evaluation mode.
        painted: validation faces.
        agreement: knows which captions are true of which faces.

    Returns:
        `zero_shot/<attribute>`: share of right answers, the mean over the values that occur; `retrieval`: share of
        images that are closer to their own caption than to each of the captions that contradict them.
    """
    parts = painted.images.split(_PART)
    images = torch.cat([encoder.encode_image(on_white(part.float() / 255)) for part in parts])
    found = {}
    for name, question in _QUESTIONS.items():
        values = [value for value in CHOICES[name] if value != "none"]
        prompts = [question.format(LOOK_NOUNS[value][0] if name == "look" else value) for value in values]
        answers = (images @ encoder.encode_text(prompts).T).argmax(1)
        truth = painted.values[:, [agreement.columns[name, value] for value in values]]  # [N, values]
        asked = truth.any(1)
        if name not in _ON_EVERY_LOOK:
            asked &= painted.values[:, agreement.columns["look", "none"]] > 0
        if asked.any():
            found[f"zero_shot/{name}"] = _balanced(answers[asked], truth[asked].argmax(1))
    tokens = painted.tokens[:, 0].long()
    cosines = images @ encoder.encode_tokens(tokens).T
    closest_wrong = cosines.masked_fill(~agreement.contradicts(tokens, painted.values), -1).max(1).values
    found["retrieval"] = (cosines.diagonal() > closest_wrong).float().mean().item()
    return found


@torch.no_grad()
def photograph_scores(encoder: Encoder, photographs: LabelledImages) -> dict[str, float]:
    """Ask for sex, age group and smile of photographs of people that are not trained on.

    Returns:
        `photograph/<attribute>`: share of right answers, the mean over the values that occur; with `_share` behind it,
        of all photographs alike.
    """
    images = _encoded(encoder, photographs.images)
    device = images.device
    found = {}
    for name, values in _ASKED_OF_PHOTOGRAPHS.items():
        asked = [i for i, label in enumerate(photographs.labels) if name != "expression" or label.expression_known]
        if not asked:
            continue
        prompts = [_QUESTIONS[name].format(value) for value in values]
        truth = torch.tensor([values.index(getattr(photographs.labels[i].face, name)) for i in asked], device=device)
        answers = (images[asked] @ encoder.encode_text(prompts).T).argmax(1)
        found[f"photograph/{name}"] = _balanced(answers, truth)
        found[f"photograph/{name}_share"] = (answers == truth).float().mean().item()
    return found


@torch.no_grad()
def phrase_scores(encoder: Encoder, phrased: PhrasedImages, phrases: Phrases) -> dict[str, float]:
    """Ask for each image's phrase among 20 that say something else.

    Args:
        encoder: in evaluation mode.
        phrased: images that are not trained on, each with the one phrase that it is asked for.
        phrases: knows which phrases say something else.

    Returns:
        `phrases/of_20`: share of images that are nearest to their own phrase; chance would give 0.05.
    """
    images = _encoded(encoder, phrased.images)
    asked = [phrase for (phrase,) in phrased.phrases]
    texts = encoder.encode_text(asked)
    numbers, rng, right = torch.tensor([phrases.numbers[phrase] for phrase in asked]), random.Random(0), 0
    others = phrases.apart[numbers[:, None], numbers]
    for row, image in enumerate(images):
        wrong = others[row].nonzero()[:, 0].tolist()
        chosen = [row, *rng.sample(wrong, min(PHRASES_ASKED - 1, len(wrong)))]
        right += int((texts[chosen] @ image).argmax() == 0)
    return {f"phrases/of_{PHRASES_ASKED}": right / len(images)}


def _encoded(encoder: Encoder, images: Tensor) -> Tensor:
    """Features of full images [N, 4, S, S] uint8."""
    device = encoder.model.logit_scale.device
    return torch.cat([encoder.encode_image(part[:, :3].to(device).float() / 255) for part in images.split(_PART)])


def on_white(images: Tensor) -> Tensor:
    """Images on black with their mask, [B, 4, S, S] in 0..1, as images on white [B, 3, S, S]."""
    return (images[:, :3] + 1 - images[:, 3:]).clamp(0, 1)


def _balanced(answers: Tensor, truth: Tensor) -> float:
    """Share of right answers, the mean over the values of `truth`: a rare value counts like a common one."""
    return torch.stack([(answers[truth == value] == value).float().mean() for value in truth.unique()]).mean().item()
