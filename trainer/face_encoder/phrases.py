"""Images described by free phrases: "person wearing a beanie", of whose faces nothing else is known."""

import hashlib
import random
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface.files import read_table
from clipface.guidance.tokenizer import split
from clipface.images import PhotographError, read_photograph
from clipface.synthetic.words.captions import framed

VALIDATION = 150  # phrases, each with one image that is never trained on
LEAST_IMAGES = 3  # of a phrase that gives one away
CHILD = "child"  # heads here are adults', so these rows are left out
MISREAD = {"plue": "blue", "wodden": "wooden", "tounge": "tongue", "pack": "back",
           "pandana": "bandana", "pob": "bob"}  # fmt: skip
FILLERS = frozenset("a an the of with wearing person looking to typical or".split())  # say nothing by themselves
PEOPLE = ("person", "man", "woman", "male", "female", "senior")  # nouns that take an article


@dataclass(frozen=True)
class PhrasedImages:
    """Images, each with all its phrases."""

    images: Tensor  # [N, 4, S, S] uint8: colour, and a mask of ones
    phrases: list[tuple[str, ...]]

    @cached_property
    def rows(self) -> dict[str, list[int]]:
        """The images of each phrase, phrases sorted."""
        found: dict[str, list[int]] = {}
        for row, phrases in enumerate(self.phrases):
            for phrase in phrases:
                found.setdefault(phrase, []).append(row)
        return dict(sorted(found.items()))

    def sample(self, count: int, rng: random.Random) -> tuple[Tensor, list[tuple[str, ...]]]:
        """Sample images [count, 4, S, S] so that a rare phrase is met as often as a common one, and their phrases."""
        known = list(self.rows)
        rows = [rng.choice(self.rows[rng.choice(known)]) for _ in range(count)]
        return self.images[rows], [self.phrases[row] for row in rows]


def read_phrases(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Read the phrases of each image file, lower-case, without rows about children and with misread letters mended.

    Raises:
        FileNotFoundError, ValueError: if the table is missing or lacks columns `file` and `phrase`.
    """
    found: dict[str, list[str]] = {}
    for row in read_table(path, ("file", "phrase"), "phrases"):
        phrase = " ".join(row["phrase"].lower().split())
        for wrong, right in MISREAD.items():
            phrase = re.sub(rf"\b{wrong}\b", right, phrase)
        if phrase and CHILD not in split(phrase):
            found.setdefault(row["file"], []).append(phrase)
    return {file: tuple(dict.fromkeys(phrases)) for file, phrases in found.items()}


def validation_phrases(phrases: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Choose the images that are never trained on, and the phrase that each is asked for; names alone decide."""
    files: dict[str, list[str]] = {}
    for file, said in phrases.items():
        for phrase in said:
            files.setdefault(phrase, []).append(file)
    chosen: dict[str, str] = {}
    for phrase in sorted((p for p in files if len(files[p]) >= LEAST_IMAGES), key=_rank):
        free = [file for file in files[phrase] if file not in chosen]
        if free and len(chosen) < VALIDATION:
            chosen[min(free, key=_rank)] = phrase
    return chosen


def _rank(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def read_phrased_images(
    path: str | Path, phrases: dict[str, tuple[str, ...]], size: int, validation: bool
) -> PhrasedImages:
    """Read the images of phrases.

    Args:
        path: of the table, below whose folder the files lie.
        phrases: of each file (`read_phrases`).
        size: side of the images, pixels.
        validation: those that are never trained on, each with the one phrase that it is asked for, or the others.

    Raises:
        FileNotFoundError: if an image is missing.
    """
    asked = validation_phrases(phrases)
    chosen = {file: (phrase,) for file, phrase in asked.items()} if validation else {
        file: said for file, said in phrases.items() if file not in asked
    }  # fmt: skip
    images = np.full((len(chosen), 4, size, size), 255, np.uint8)
    for image, file in zip(images, chosen, strict=True):
        try:
            stored = read_photograph(Path(path).parent / file).image
            colour = stored.resize((size, size), Image.Resampling.LANCZOS)
        except PhotographError as error:
            raise FileNotFoundError(f"phrases: {file} beside {path} cannot be read ({error}); copy it there") from error
        image[:3] = np.asarray(colour).transpose(2, 0, 1)
    return PhrasedImages(torch.from_numpy(images), list(chosen.values()))


class Phrases:
    """All phrases by number, from 1 on, and which of them an image of another denies."""

    def __init__(self, phrases: dict[str, tuple[str, ...]]) -> None:
        """Number the phrases; one that says all that another says may be true of the other's images."""
        self.texts = tuple(sorted({phrase for said in phrases.values() for phrase in said}))
        self.numbers = {phrase: number for number, phrase in enumerate(self.texts, 1)}
        said = [frozenset(split(text)) - FILLERS for text in self.texts]
        self.apart = torch.zeros(len(said) + 1, len(said) + 1, dtype=torch.bool)
        for i, one in enumerate(said, 1):
            for j, other in enumerate(said, 1):
                self.apart[i, j] = not (one <= other or other <= one)

    def words(self) -> list[str]:
        """All words of the phrases, sorted."""
        return sorted({word for text in self.texts for word in split(text)})


def contradicting(apart: Tensor, own: Tensor, said: Tensor) -> Tensor:
    """Find which phrases are wrong about which images of phrases.

    Args:
        apart: [P + 1, P + 1] bool (see `Phrases`).
        own: [M, K], numbers of the phrases of each image; 0: the image has none.
        said: [N], the number of each phrase; 0: another kind of caption.

    Returns:
        [M, N] bool.
    """
    return apart[own.long()[:, :, None], said.long()[None, None]].all(1)


def phrase_caption(phrase: str, rng: random.Random) -> str:
    """A phrase as a caption: as it is, or as what a photo is of."""
    return framed(f"a {phrase}" if phrase.split()[0] in PEOPLE else phrase, rng)
