"""Which faces: what commands and trainers are given (`FacesConfig`) becomes codes and people."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from clipface.edit.avatar import Avatar
from clipface.edit.files import read_latents
from clipface.edit.mapper import Codes
from clipface.edit.persons.head_params import read_head_params
from clipface.edit.persons.person import Person
from clipface.edit.sampling import sample_latents
from clipface.files import names_of
from clipface.photos.deca import SUFFIXES
from clipface.photos.sources import find_sources, pair
from clipface.settings import FacesConfig


class Subjects(NamedTuple):
    """Faces that are edited together: some of the generator's, or one person."""

    codes: Codes
    person: Person | None = None
    photos: tuple[Path, ...] = ()  # that the person was made from just now
    names: tuple[str, ...] = ()  # for what is made of each photograph, no two alike


def subjects(faces: FacesConfig, avatar: Avatar, psi: float, size: int) -> Iterator[Subjects]:
    """Give faces some at a time: people one by one, others `size` together.

    Faces are made as they are asked for, so that memory does not grow with their number.

    Args:
        faces: whose; not all left out.
        avatar: for which the codes are.
        psi: truncation of faces from seeds.
        size: faces at a time.

    Raises:
        ValueError: if the words are neither a file nor seeds, a file does not fit, or a photograph shows no face.
        FileNotFoundError: if there is no such file.
        ImportError: if photographs are given without onnxruntime; says how to get it.
    """
    if faces.latents:
        for codes in _coded(faces.latents, avatar, psi, size):
            yield Subjects(on_head(codes, faces, avatar))
    for path in map(Path, faces.persons):
        person = Person.load(path, avatar)
        yield Subjects(person.codes(avatar), person)
    if not faces.photos:
        return
    photos, several = _photographs(faces.photos)
    if several and faces.fits and not Path(faces.fits[0]).is_dir():
        raise ValueError(
            f"fits: expected a folder of codes for a folder of photographs, got {faces.fits[0]}; one file would be "
            "everybody's head"
        )
    found, every = 0, list(zip(photos, names_of(photos), strict=True))
    for own in [[one] for one in every] if several else [every]:
        some, names = zip(*own, strict=True)
        try:
            fits = _fits(some, faces)
            person = Person.from_photos(some, avatar, faces.texture_size, faces.which_face, fits)
        except ValueError as error:
            if not several:
                raise
            print(f"left out: {error}", flush=True)
            continue
        found += 1
        yield Subjects(person.codes(avatar), person, some, names)
    if not found:
        raise ValueError(f"photo: expected a face in {faces.photos[0]}, got none in any photograph")


def known_faces(faces: FacesConfig, avatar: Avatar, psi: float) -> Codes | None:
    """Read all faces, for a training; None: they are to be random ones. Errors as in `subjects`."""
    if not (faces.latents or faces.photos or faces.persons):
        return None
    if faces.latents:
        return on_head(_all_codes(faces.latents, avatar, psi), faces, avatar)
    return Codes.joined([some.codes for some in subjects(faces, avatar, psi, 1)])


def on_head(codes: Codes, faces: FacesConfig, avatar: Avatar) -> Codes:
    """Give faces the head of `faces.head_params`: its shape, expression and pose; without such they stay.

    Raises:
        FileNotFoundError, ValueError: if the file is missing, damaged, or of more coefficients than the head has.
    """
    return codes if faces.head_params is None else read_head_params(faces.head_params, avatar.head).of(codes)


def read_subject(faces: FacesConfig, avatar: Avatar, psi: float, face: int = 0) -> Subjects:
    """Read one face: of a person, of photographs, of seed 0 if all is left out, or number `face` of codes.

    Raises:
        FileNotFoundError, ValueError, ImportError: as in `subjects`, or if there is no face of this number.
    """
    if faces.photos or faces.persons:
        if len(faces.persons) > 1 or any(Path(photo).is_dir() for photo in faces.photos):
            raise ValueError(f"faces: expected one person, got {len(faces.persons) or 'a folder of photographs'}")
        return next(subjects(faces, avatar, psi, 1))
    codes = on_head(_all_codes(faces.latents or "0:1", avatar, psi), faces, avatar)
    if not 0 <= face < len(codes.shape):
        raise ValueError(f"face: expected 0 to {len(codes.shape) - 1}, got {face}")
    return Subjects(codes.rows(slice(face, face + 1)))


def _fits(photos: Sequence[Path], faces: FacesConfig) -> list[Path]:
    """The codes of photographs, in their order."""
    given = [Path(path) for path in faces.fits]
    if len(given) != 1 or not given[0].is_dir():
        return given
    root = Path(faces.photos[0]) if Path(faces.photos[0]).is_dir() else None
    names = [path.relative_to(root).as_posix() if root else path.name for path in photos]
    pairing = pair(names, given[0], SUFFIXES)
    for reason in pairing.reasons.values():
        raise ValueError(f"{photos[0]}: {reason}")
    return [pairing.paths[name] for name in names]


def _photographs(given: list[str]) -> tuple[list[Path], bool]:
    """Files, and whether each shows another person."""
    paths = [Path(photo) for photo in given]
    folders = [path for path in paths if path.is_dir()]
    if not folders:
        return paths, False
    if len(paths) > 1:
        raise ValueError(f"photo: expected files of one person or one folder of people, got {', '.join(given)}")
    return [folders[0] / source.file for source in find_sources(folders[0], folders[0] / "none")[0]], True


def _coded(words: str, avatar: Avatar, psi: float, size: int) -> Iterator[Codes]:
    """Faces of seeds "first:end" or of a file of codes."""
    seeds = _seeds(words)
    if seeds is None:
        codes = read_latents(words, avatar)
        for start in range(0, len(codes.shape), size):
            yield codes.rows(slice(start, start + size))
        return
    for start in range(0, len(seeds), size):
        yield sample_latents(avatar, seeds[start : start + size], psi)


def _all_codes(words: str, avatar: Avatar, psi: float) -> Codes:
    seeds = _seeds(words)
    return read_latents(words, avatar) if seeds is None else sample_latents(avatar, seeds, psi)


def _seeds(words: str) -> range | None:
    """Seeds "first:end"; None: the words are a file of codes.

    Raises:
        ValueError: if they are neither.
    """
    first, colon, end = words.partition(":")
    if colon and first.isdecimal() and end.isdecimal() and int(first) < int(end):
        return range(int(first), int(end))
    if Path(words).suffix not in (".pt", ".npz", ".safetensors") and not Path(words).is_dir():
        expected = "a .pt, .npz or .safetensors file, a folder of .pt files, or seeds such as 0:8"
        raise ValueError(f"latents: expected {expected}, got {words!r}")
    return None
