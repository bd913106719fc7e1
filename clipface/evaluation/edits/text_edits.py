"""How well edits by any words do what the words say, judged by the encoder that guided nothing."""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clipface import assets
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.loading import load_editor
from clipface.edit.mapper import Codes
from clipface.edit.options import UNSEEN, avatar_options
from clipface.edit.sampling import sample_faces
from clipface.edit.text_edits import text_edit
from clipface.evaluation.tables import NOTHING, Table
from clipface.guidance import Encoder, load_encoder
from clipface.guidance.text_check import as_installed
from clipface.render.camera import view
from clipface.settings import SOURCE_PHRASE, TEXT_PREFIX, named_guidance
from clipface.synthetic.words.trained_phrases import TRAINED_PHRASES, read_phrases

IMAGE, TEXTURE = 224, 256  # pixels; texels
# What a bald head cannot show.
INVISIBLE = {name: tuple(TRAINED_PHRASES[name]) for name in ("hair", "hair_colour")} | {"beard": ("none",)}
PAIRS = 60
WITH_LOOKS = ("expression", "beard", "age")  # attributes that a look leaves to be seen
# A phrase for each value, as somebody would type it.
TYPED = {
    ("makeup", "natural"): "natural makeup", ("makeup", "party"): "party makeup", ("makeup", "gothic"): "gothic makeup",
    ("lipstick", "red"): "red lipstick", ("lipstick", "pink"): "pink lipstick", ("lipstick", "dark"): "dark lipstick",
    ("beard", "stubble"): "stubble", ("beard", "goatee"): "a goatee", ("beard", "beard"): "a beard",
    ("detail", "moustache"): "a moustache", ("detail", "freckles"): "freckles", ("detail", "wrinkles"): "wrinkles",
    ("detail", "tired"): "tired eyes", ("detail", "scar"): "a scar",
}  # fmt: skip


class Judge:
    """Faces, edited by words and read by an encoder."""

    def __init__(self, avatar: Avatar, encoder: Encoder, faces: Codes) -> None:
        """Render and read the faces before any edit."""
        self.avatar, self.encoder, self.faces = avatar, encoder, faces
        self.camera = view(torch.zeros(1), torch.zeros(1), FRONT_SCALE).to(faces.w_plus)
        self.before = self.read(faces)

    @torch.no_grad()
    def read(self, codes: Codes) -> Tensor:
        """Features [B, D] of images of faces."""
        found = []
        for row in range(len(codes.shape)):
            face = codes.rows(slice(row, row + 1))
            image = self.avatar.views(self.avatar.face_texture(face, TEXTURE), face, self.camera, IMAGE)
            found.append(self.encoder.encode_image(image))
        return torch.cat(found)

    @torch.no_grad()
    def edited(self, words: str, faces: Codes | None = None) -> Tensor:
        """Features [B, D] of faces (None: all) after an edit by words."""
        return self.read(text_edit(TEXT_PREFIX + words, self.avatar)(self.faces if faces is None else faces))

    def prototypes(self, values: Sequence[tuple[str, str]]) -> Tensor:
        """What the encoder takes the trained phrases for values for, on average: [V, D], length 1."""
        rows = [self.encoder.encode_text(TRAINED_PHRASES[name][value]).mean(0) for name, value in values]
        return functional.normalize(torch.stack(rows), dim=-1)


class Answer(NamedTuple):
    """How often a value, among its attribute's, was nearest to the edited faces."""

    by_look: float
    by_change: float


def shown_values() -> list[tuple[str, str]]:
    """The values, as in TRAINED_PHRASES, that a bald head can show."""
    return [
        (name, value) for name, known in TRAINED_PHRASES.items() for value in known
        if value not in INVISIBLE.get(name, ())
    ]  # fmt: skip


def typed(name: str, value: str) -> str:
    """Words for a value, as somebody would type them."""
    plain = value.replace("_", " ")
    nouns = {"eyes": f"{plain} eyes", "hair_colour": f"{plain} hair", "skin": f"{plain} skin", "sex": f"a {plain}"}
    if name == "look":
        return next(phrase for phrase in TRAINED_PHRASES["look"][value])
    return TYPED.get((name, value)) or nouns.get(name) or f"{plain} person".replace("adult", "middle-aged")


def answers(judge: Judge, cases: Sequence[tuple[str, str, str]]) -> list[Answer]:
    """Which of its attribute's values each edit made.

    Args:
        judge: with the faces.
        cases: attribute, value, and the words that ask for it.
    """
    values = shown_values()
    prototypes = judge.prototypes(values)
    found = []
    for name, value, words in cases:
        rivals = [row for row, each in enumerate(values) if each[0] == name]
        own = [row for row, rival in enumerate(rivals) if values[rival][1] == value][0]
        after = judge.edited(words)
        change = functional.normalize(after - judge.before, dim=-1)
        # What all of an attribute's values share says nothing of which it is.
        asked = functional.normalize(prototypes[rivals] - prototypes[rivals].mean(0), dim=-1)
        look, moved = after @ prototypes[rivals].T, change @ asked.T
        found.append(Answer(*((scores.argmax(1) == own).float().mean().item() for scores in (look, moved))))
    return found


def values_table(judge: Judge) -> list[Table]:
    """All values that a bald head can show."""
    cases = [(name, value, typed(name, value)) for name, value in shown_values()]
    found = answers(judge, cases)
    rows = [[f"{name}: {words}", *answer] for (name, _, words), answer in zip(cases, found, strict=True)]
    for name in dict.fromkeys(name for name, _, _ in cases):
        rows.append([f"all of {name}", *_means(found, cases, name)[1:]])
    return [_table("Own value nearest", ["words", "look", "change"], [*rows, ["all", *_means(found, cases)[1:]]])]


def phrases_table(judge: Judge, file: str, count: int | None) -> list[Table]:
    """Phrases that no training read."""
    known = shown_values()
    phrases = [phrase for phrase in read_phrases(assets.resolve(file)) if phrase[:2] in known]
    if count is not None:
        phrases = random.Random(0).sample(phrases, min(count, len(phrases)))
    found = answers(judge, [tuple(phrase) for phrase in phrases])
    names = [name for name in TRAINED_PHRASES if any(phrase.attribute == name for phrase in phrases)]
    rows = [[name, *_means(found, phrases, name)] for name in names]
    header = ["attribute", "phrases", "look", "change"]
    return [_table(f"Phrases of {file}.csv", header, [*rows, ["all", *_means(found, phrases)]])]


def _means(found: Sequence[Answer], cases: Sequence[Sequence[str]], name: str | None = None) -> list[float]:
    """How many cases an attribute (None: all) has, and the means of their answers."""
    some = [answer for answer, case in zip(found, cases, strict=True) if name in (None, case[0])]
    return [len(some), *(sum(answer[i] for answer in some) / len(some) for i in range(2))]


def _table(title: str, header: list[str], rows: Sequence[Sequence]) -> Table:
    def cell(value: object) -> str:
        return NOTHING if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)

    return Table(title, header, [list(map(cell, row)) for row in rows])


def pairs_table(judge: Judge) -> list[Table]:
    """Pairs of values of two attributes: how often both are nearer than before."""
    rng, values = random.Random(1), shown_values()
    rows, both = [], []
    while len(rows) < PAIRS:
        first, second = rng.sample(values, 2)
        names = {first[0], second[0]}
        if len(names) == 1 or ("look" in names and not names <= {"look", *WITH_LOOKS}):
            continue
        words = f"{typed(*first)}, {typed(*second)}"
        asked = judge.prototypes([first, second]) - judge.encoder.encode_text([SOURCE_PHRASE])
        rises = (judge.edited(words) - judge.before) @ asked.T > 0
        both.append(rises.all(1).float().mean().item())
        rows.append([words, *rises.float().mean(0).tolist(), both[-1]])
    header = ["words", "first rises", "second rises", "both"]
    return [_table("Pairs", header, [*rows, ["all", None, None, sum(both) / PAIRS]])]


def degrees_table(judge: Judge) -> list[Table]:
    """Negations and degrees."""
    rows = []
    for words in ("old person", "smiling person", "a zombie", "a beard", "red lipstick"):
        bare = words.removeprefix("a ")
        said, source = judge.encoder.encode_text([words, SOURCE_PHRASE])
        asked = functional.normalize(said - source, dim=-1)
        moved = [
            ((judge.edited(each) - judge.before) @ asked).mean().item()
            for each in (f"slightly {bare}", words, f"extremely {bare}")
        ]
        rows.append([words, *moved, float(moved[0] < moved[1] <= moved[2])])
    table = [_table("Degrees", ["words", "slightly", "plain", "extremely", "in order"], rows)]
    rows = []
    for words, negation in (
        ("a beard", "without a beard"), ("smiling person", "not smiling"), ("red lipstick", "no lipstick"),
        ("a moustache", "without a moustache"), ("gothic makeup", "without makeup"), ("angry person", "not angry"),
    ):  # fmt: skip
        mapper = text_edit(TEXT_PREFIX + words, judge.avatar)
        with torch.no_grad():
            having = mapper(judge.faces)
        before, after = judge.read(having), judge.edited(negation, having)
        asked = judge.encoder.encode_text([words])[0] - judge.encoder.encode_text([SOURCE_PHRASE])[0]
        gained, left = ((each - judge.before) @ asked for each in (before, after))
        untouched = (judge.edited(negation) - judge.before).norm(dim=-1).mean().item()
        rows.append([f"{words}; {negation}", (left < gained).float().mean().item(),
                     (1 - left.mean() / gained.mean()).item(), untouched])  # fmt: skip
    header = ["has; words", "falls", "taken back", "change where there is none"]
    return [*table, _table("Negations", header, rows)]


def time_table(judge: Judge) -> list[Table]:
    """Seconds from new words to the textures and images of eight faces."""
    faces = judge.faces.rows(slice(8))
    rows = []
    for size in (TEXTURE, judge.avatar.generator.config["resolution"]):
        judge.edited("a ghost", faces)
        begin = time.perf_counter()
        with torch.no_grad():
            edited = text_edit(f"{TEXT_PREFIX}a witch with green eyes", judge.avatar)(faces)
            judge.avatar.face_texture(edited, size)
        rows.append([f"{size} texels", time.perf_counter() - begin])
    return [_table("Time", ["new words, textures of 8 faces", "seconds"], rows)]


MEASURES = {
    "values": values_table,
    "pairs": pairs_table,
    "degrees": degrees_table,
    "time": time_table,
    "paraphrases": lambda judge: phrases_table(judge, "paraphrases", None),
    "paraphrases_fresh": lambda judge: phrases_table(judge, "paraphrases_fresh", None),
}


def measure(options: argparse.Namespace) -> Iterator[Table]:
    """All of scripts/measure/text_edits.py: the tables, one after the other."""
    editor = load_editor([], **avatar_options(options))
    encoder = load_encoder(as_installed(named_guidance(options.encoder))).to(editor.avatar.head.v_template.device)
    faces = sample_faces(editor.avatar, range(options.faces), editor.psi, "evaluation", UNSEEN).codes
    judge = Judge(editor.avatar, encoder, faces)
    for name in options.measures:
        yield from MEASURES[name](judge)
