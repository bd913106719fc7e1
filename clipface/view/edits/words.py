"""What a face and its edits are called on the page."""

from clipface.edit.attributes import PREFIX
from clipface.settings import TEXT_PREFIX
from clipface.view.session.state import Edit, FaceState


def summary(state: FaceState, who: str = "") -> str:
    """A face in one line of Markdown; `who`: the name of a person, in place of a number."""
    edits = [_edit(edit) for edit in state.edits if edit.working]
    return f"**{who or f'Face {state.seed}'}** {'with ' + ', then '.join(edits) if edits else 'unedited'}"


def name_of(mapper: str) -> str:
    """A mapper's name for the eye: a run's without its date."""
    if mapper.startswith(TEXT_PREFIX):
        return mapper.removeprefix(TEXT_PREFIX)
    if mapper.startswith(PREFIX):
        return mapper.removeprefix(PREFIX).replace("_", " ")
    return mapper.rpartition("_mapper_")[2].replace("_", " ")


def _edit(edit: Edit) -> str:
    place = f" on {edit.region.replace('_', ' ')}" if edit.region else ""
    return f"*{name_of(edit.mapper)}* × {edit.strength:.2f}{place}"
