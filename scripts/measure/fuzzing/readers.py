"""The one table of the project's readers, by the room of the package that they are in."""

from .reader import Reader
from .rooms import animation, data, edit, edit_words, evaluation, guidance, head, images, texture, trainer, view

READERS: tuple[Reader, ...] = tuple(
    reader
    for room in (head, animation, images, texture, edit, edit_words, guidance, data, evaluation, trainer, view)
    for reader in room.READERS
)
