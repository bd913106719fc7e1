"""Scores of images that should show what words say, from an encoder's features (length 1)."""

from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect


def directional_similarity(edited: Tensor, original: Tensor, target: Tensor, source: Tensor) -> Tensor:
    """How well each image's change points where the words' change points.

    Args:
        edited: features of edited images [B, D].
        original: of the same images before [B, D].
        target: features of the words that were asked for [D].
        source: of the words for what was there before [D].

    Returns:
        Cosines [B]; 0 where an image did not change.

    Source: StyleGAN-NADA (arXiv 2108.00946), section 4.1.
    """
    size = expect("edited", edited, ("B", "D"))
    expect("original", original, edited.shape)
    expect("target", target, (size["D"],))
    expect("source", source, (size["D"],))
    return functional.cosine_similarity(edited - original, (target - source)[None], dim=1, eps=1e-6)


def retrieval(similarity: Tensor) -> Tensor:
    """Share of the images that are nearest to each prompt.

    Args:
        similarity: [E, N, P] of N images of each of E edits with P prompts.

    Returns:
        [E, P], each row with the sum 1; an image equally near to two prompts counts for the first.
    """
    prompts = expect("similarity", similarity, ("E", "N", "P"))["P"]
    return functional.one_hot(similarity.argmax(-1), prompts).float().mean(1)
