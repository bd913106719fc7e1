"""Checks of array shapes at public doors."""

from collections.abc import Sequence

from torch import Tensor


def expect(name: str, tensor: Tensor, shape: Sequence[int | str]) -> dict[str, int]:
    """Check a tensor's shape and return the sizes of its named axes.

    Args:
        name: the argument's name, for the message.
        tensor: to check.
        shape: one entry an axis: a number for a fixed size, a word for a free one. A word used twice is one size.

    Returns:
        Sizes by word, for instance {"B": 4, "V": 5023}.

    Raises:
        TypeError: if `tensor` is no tensor.
        ValueError: if an axis has another size; names the argument, both shapes.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: expected a tensor of shape {_words(shape)}, got a {type(tensor).__name__}")
    sizes: dict[str, int] = {}
    fits = tensor.ndim == len(shape)
    for expected, given in zip(shape, tensor.shape, strict=False):
        fits = fits and given == (sizes.setdefault(expected, given) if isinstance(expected, str) else expected)
    if not fits:
        raise ValueError(f"{name}: expected shape {_words(shape)}, got {_words(tensor.shape)}")
    return sizes


def _words(shape: Sequence[int | str]) -> str:
    return "(" + ", ".join(str(size) for size in shape) + ")"
