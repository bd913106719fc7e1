"""What can be applied at once, in groups and by search: trained prompts, looks, and prompts that words alone make."""

from collections.abc import Sequence
from typing import NamedTuple

from clipface.edit.attributes import PREFIX, look_options
from clipface.settings import TEXT_PREFIX
from clipface.view.edits.library import Library

ALL, TRAINED, WORDS = "all", "trained", "other words"
# Groups by the attribute that a look stands for, in their order.
GROUPS = {
    "characters": ("look",),
    "skin and age": ("age", "wrinkles", "freckles", "tired", "scar"),
    "make-up": ("makeup", "lipstick"),
    "beards": ("beard", "moustache"),
    "hair": ("hair_colour",),
    "eyes": ("eyes",),
}


class KnownEdit(NamedTuple):
    """One thing that can be applied at once."""

    mapper: str  # its name in the library
    name: str
    group: str


def known_edits(library: Library, prompts: dict[str, str]) -> list[KnownEdit]:
    """All of them: what was trained, then looks by group, then prompts that neither of these is.

    Args:
        library: of runs and looks.
        prompts: names of known prompts and their words; those that need the text mapper are left out without one.
    """
    runs = library.runs()
    options = look_options() if any(run.name.startswith(PREFIX) for run in runs) else {}
    of_attribute = {attribute: group for group, attributes in GROUPS.items() for attribute in attributes}
    found = []
    for run in runs:
        attribute = options.get(run.name.removeprefix(PREFIX), ("",))[0] if run.name.startswith(PREFIX) else None
        group = TRAINED if attribute is None else of_attribute.get(attribute, "characters")
        found.append(KnownEdit(run.name, run.nickname.replace("_", " "), group))
    order = (TRAINED, *GROUPS)
    found.sort(key=lambda edit: order.index(edit.group))
    if library.reader is not None:
        names = {edit.name for edit in found}
        spoken = {name.replace("_", " "): words for name, words in prompts.items()}
        found += [KnownEdit(TEXT_PREFIX + spoken[name], name, WORDS) for name in spoken if name not in names]
    return found


def groups_of(edits: Sequence[KnownEdit]) -> tuple[str, ...]:
    """The groups that there are, all of them first."""
    return (ALL, *dict.fromkeys(edit.group for edit in edits))


def chosen(edits: Sequence[KnownEdit], group: str, words: str) -> list[KnownEdit]:
    """Those of a group, or of all but `WORDS`, whose name holds all the words.

    Words are sought in every group, as somebody who searches need not know where a look is kept.
    """
    sought = words.lower().split()
    if sought:
        return [edit for edit in edits if all(word in edit.name.lower() for word in sought)]
    return [edit for edit in edits if edit.group == group or group == ALL and edit.group != WORDS]
