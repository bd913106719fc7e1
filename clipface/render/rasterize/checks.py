"""Checks of the verbs' arguments, the same for every backend."""

import torch
from torch import Tensor

from clipface.render.rasterize.interface import Fragments
from clipface.shapes import expect


def check_float(name: str, tensor: Tensor, shape: tuple[int | str, ...]) -> dict[str, int]:
    """Check shape and float32, which is what the kernels compute in.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    sizes = expect(name, tensor, shape)
    if tensor.dtype != torch.float32:
        raise TypeError(f"{name}: expected float32, got {tensor.dtype}; convert it with .float()")
    return sizes


def check_faces(name: str, faces: Tensor, device: torch.device) -> int:
    """Check a face array [F, 3], int32, on the device of the positions, and return F.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    count = expect(name, faces, ("F", 3))["F"]
    if faces.dtype != torch.int32:
        raise TypeError(f"{name}: expected int32, got {faces.dtype}; convert it with .int()")
    if faces.device != device:
        raise ValueError(f"{name}: expected device {device}, got {faces.device}; move it with .to()")
    return count


def check_batch(name: str, batch: int, images: int) -> None:
    """Check that a batch has one entry, shared by all images, or one for each image.

    Raises:
        ValueError: naming the argument, what was expected and what it got.
    """
    if batch not in (1, images):
        raise ValueError(f"{name}: expected a batch of {'1' if images == 1 else f'1 or {images}'}, got {batch}")


def check_boundary(boundary: str) -> None:
    """Check what lies beyond a texture's border.

    Raises:
        ValueError: naming the argument, what was expected and what it got.
    """
    if boundary not in ("wrap", "clamp"):
        raise ValueError(f"boundary: expected 'wrap' or 'clamp', got {boundary!r}")


def check_attributes(attributes: Tensor, fragments: Fragments, faces: Tensor, derivatives: bool) -> None:
    """Check the arguments of the verb `interpolate`.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    given = check_float("attributes", attributes, ("B", "A", "C"))["B"]
    check_faces("faces", faces, attributes.device)
    check_batch("attributes", given, fragments.rast.shape[0])
    if derivatives and fragments.derivatives is None:
        raise ValueError("fragments: expected derivatives, got none; call rasterize(..., derivatives=True)")


def check_look_up(texture: Tensor, uv: Tensor, fragments: Fragments | None, boundary: str, coverage: bool) -> None:
    """Check the arguments of the verb `sample`.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what it got.
    """
    given = check_float("texture", texture, ("B", "Ht", "Wt", "C"))["B"]
    check_batch("texture", given, check_float("uv", uv, ("B", "H", "W", 2))["B"])
    check_boundary(boundary)
    if coverage and fragments is None:
        raise ValueError("fragments: expected them with coverage=True, got None; pass what rasterize returned")
