"""Photographs for validation: no training reads them, so that strangers can be judged on them."""

from functools import cache

from clipface import assets
from clipface.files import read_list


@cache
def validation_photos() -> frozenset[str]:
    """Read the names of photographs (as columns `file` of labels have them) that are kept out of every training."""
    return frozenset(read_list(assets.resolve("validation_photos")))
