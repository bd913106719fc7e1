"""Named parts of the head as sets of vertices (`render.uv.UVMap.region`: as texels)."""

from collections.abc import Iterable

import torch
from torch import Tensor

from clipface.head.model import HeadModel


def region_mask(head: HeadModel, names: str | Iterable[str]) -> Tensor:
    """Return which vertices belong to any of the named regions.

    Returns:
        [V] bool.

    Raises:
        ValueError: if the head has no such region; lists those it has.
    """
    names = [names] if isinstance(names, str) else list(names)
    regions = head.regions
    unknown = [name for name in names if name not in regions]
    if unknown or not names:
        has = f"one or more of {', '.join(sorted(regions))}" if regions else f"none, since {head.source} has none"
        got = ", ".join(unknown) or "nothing"
        raise ValueError(f"region: expected {has}, got {got}{lacking_files(head)}")
    return torch.stack([regions[name] for name in names]).any(dim=0)


def lacking_files(head: HeadModel) -> str:
    """Which files would bring a head its regions and landmarks, as the end of a message; empty if it has both."""
    parts = (("FLAME_masks.pkl", bool(head.regions)), ("landmark_embedding.npy", head.has_landmarks))
    lacking = " and ".join(file for file, there in parts if not there)
    return f"; {head.source} has more with {lacking} beside it" if lacking else ""


def known_region_mask(head: HeadModel, names: Iterable[str]) -> Tensor:
    """Return which vertices [V] bool belong to any of the named regions that the head has, which may be none."""
    names = set(names) & set(head.regions)
    return region_mask(head, names) if names else torch.zeros_like(head.v_template[:, 0], dtype=torch.bool)
