"""What codes and edits were made for: a UV map, and the generator whose codes they are."""

import warnings
from collections.abc import Mapping
from typing import Any

from clipface.edit.avatar import Avatar
from clipface.head.mesh import DIGITS, check_uv_map

UV_MAP, GENERATOR, HEAD = "uv_map", "generator_sha256", "head_sha256"  # names in `Avatar.origin`


def check_origin(what: str, notes: Mapping[str, Any], avatar: Avatar, remedy: str) -> None:
    """Refuse codes or an edit of another UV map, or of another generator: they would load and mean nothing.

    Args:
        what: the file, for the message.
        notes: beside it, with what `Avatar.origin` gave; older files, which have neither, are taken for FLAME only.
        avatar: to which they are to be applied.
        remedy: what to do instead.

    Raises:
        ValueError: naming what was expected and what was found.
    """
    if avatar.carrier is None or notes.get(UV_MAP) != avatar.generator.config["uv_map"]:
        check_uv_map(what, notes.get(UV_MAP), avatar.head, remedy)
    warn_of_head(what, notes, avatar)
    noted, expected = notes.get(GENERATOR), avatar.origin.get(GENERATOR)
    if expected is None or noted == expected:
        return
    if noted is None and not avatar.head.uv_map_changed:
        if avatar.generator.config["uv_map"] is not None:  # the authors' generator names none
            warnings.warn(
                f"{what}: it names no generator, got one trained here; of the authors' or another one, its levels mean "
                "something else: give --generator as when it was made",
                stacklevel=2,
            )
        return
    got = "none noted" if noted is None else str(noted)[:DIGITS]
    raise ValueError(f"{what}: expected one of generator {expected[:DIGITS]}, got {got}; {remedy}")


def warn_of_head(what: str, notes: Mapping[str, Any], avatar: Avatar) -> None:
    """Warn of coefficients of another head with the same UV map, such as another version of FLAME's."""
    noted, expected = notes.get(HEAD), avatar.origin.get(HEAD)
    if noted is not None and expected is not None and noted != expected:
        warnings.warn(
            f"{what}: made with head {str(noted)[:DIGITS]}, used with {expected[:DIGITS]} ({avatar.head.source}), "
            "whose coefficients of identity and expression mean something else; textures fit, shapes may not",
            stacklevel=3,
        )
