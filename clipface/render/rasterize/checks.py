"""Checks of what the verbs are given, the same for every backend."""

import torch
from torch import Tensor

from clipface.shapes import expect


def check_float(name: str, tensor: Tensor, shape: tuple[int | str, ...]) -> dict[str, int]:
    """Check shape and float32, which is what the kernels compute in.

    Raises:
        TypeError, ValueError: naming the argument, what was wanted and what was given.
    """
    sizes = expect(name, tensor, shape)
    if tensor.dtype != torch.float32:
        raise TypeError(f"{name}: float32 is wanted, {tensor.dtype} was given; convert it with .float()")
    return sizes


def check_faces(name: str, faces: Tensor, device: torch.device) -> int:
    """Check a face array [F, 3], int32, on the device of the positions, and return F.

    Raises:
        TypeError, ValueError: naming the argument, what was wanted and what was given.
    """
    count = expect(name, faces, ("F", 3))["F"]
    if faces.dtype != torch.int32:
        raise TypeError(f"{name}: int32 is wanted, {faces.dtype} was given; convert it with .int()")
    if faces.device != device:
        raise ValueError(f"{name}: device {device} is wanted, {faces.device} was given; move it with .to()")
    return count


def check_batch(name: str, given: int, wanted: int) -> None:
    """Check that a batch has one entry, shared by all images, or one an image.

    Raises:
        ValueError: naming the argument, what was wanted and what was given.
    """
    if given not in (1, wanted):
        raise ValueError(f"{name}: a batch of {'1' if wanted == 1 else f'1 or {wanted}'} is wanted, {given} was given")
