"""Compare edits of the same unseen faces: images, and a table of what they reach and what they cost.

python scripts/evaluate.py --mappers runs/*_mapper_zombie runs/*_mapper_clown --output evaluation
python scripts/evaluate.py --mappers full=runs/full no_prior=runs/no_prior runs/direct/texels.safetensors
python scripts/evaluate.py --mappers runs/*_mapper_* --protocol paper --device cuda

Writes scores.md, scores.csv, scores.json and the grids faces.png, turned.png and geometry.png.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from omegaconf import OmegaConf
from torch import Tensor

from clipface.edit.loading import load_avatar, named_guidance
from clipface.edit.sampling import sample_faces
from clipface.evaluation.edits import Edit, Source, apply, paint, read_sources
from clipface.evaluation.protocol import FOLDER, Protocol, encoders_of, names, read_protocol
from clipface.evaluation.scores import Measurement, Measures
from clipface.evaluation.sheets import Sheets
from clipface.evaluation.tables import geometry_table, retrieval_table, score_table, write_tables
from clipface.guidance import load_encoder
from clipface.metrics import Distances, load_features
from clipface.metrics.distances import LEAST
from clipface.metrics.identity import FaceEmbedder
from clipface.settings import HeadConfig, RendererConfig

UNSEEN = 2**40  # seed of the faces; no training run's


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--mappers",
        nargs="+",
        required=True,
        metavar="[NAME=]PATH",
        help="run folders or mapper.safetensors files of trainer.mapper, or files of scripts/measure/baselines.py",
    )
    parser.add_argument("--protocol", default="default", choices=names("evaluation"), help="of configs/evaluation")
    parser.add_argument("--encoders", nargs="+", choices=names("guidance"), help="that score (the protocol's)")
    parser.add_argument("--faces", type=int, help="how many unseen faces (the protocol's)")
    parser.add_argument("--size", type=int, help="side of each image, pixels (the protocol's)")
    parser.add_argument("--network", choices=("efficientnet", "inception"), help="of FID and KID (the protocol's)")
    parser.add_argument(
        "--against", nargs="+", default=[], choices=names("prompt"), metavar="PROMPT",
        help="of configs/prompt: further prompts that an edited face may be nearer to",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=UNSEEN, help="of the faces; the default is no training run's")
    parser.add_argument("--shown", type=int, default=8, help="faces in the grids")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--output", type=Path, default=Path("evaluation"), help="folder to write into")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    options = parse(arguments)
    protocol = read_protocol(
        options.protocol,
        encoders=options.encoders, faces=options.faces, image_size=options.size, network=options.network,
    )  # fmt: skip
    against = [OmegaConf.load(FOLDER / "prompt" / f"{name}.yaml").target for name in options.against]
    sources = read_sources(options.mappers)
    evaluate(sources, protocol, options.seed, options.output, options.shown, options.device, against)


@torch.no_grad()
def evaluate(
    sources: Sequence[Source],
    protocol: Protocol,
    seed: int,
    output: Path,
    shown: int = 8,
    device: str = "cpu",
    against: Sequence[str] = (),
) -> list[dict]:
    """Write grids and tables, print the tables, and return the numbers of each edit.

    Args:
        sources: of the edits.
        protocol: how they are measured.
        seed: of the faces.
        output: folder to write into.
        shown: faces in the grids.
        device: "cpu" or "cuda".
        against: further prompts of the retrieval, in words.
    """
    distances, embedder, remarks = open_extras(protocol, device)
    encoders = {name: load_encoder(named_guidance(name)).to(device) for name in protocol.encoders}
    notes = sources[0].notes
    avatar = load_avatar(notes["generator"], HeadConfig(**notes["head"]), RendererConfig()).to(device)
    faces = sample_faces(avatar, range(protocol.faces), sources[0].notes["psi"], "evaluation", seed)
    texture = paint(avatar, faces.codes.w_plus)
    original = Edit("original", {}, texture, faces.codes)
    measures = Measures(avatar, protocol, encoders, original, distances, embedder)
    sheets = Sheets(avatar, protocol.image_size, min(shown, protocol.faces))
    sheets.add(original)
    seen = []
    for source in sources:
        edit = apply(source, avatar, faces, texture, seed)
        seen.append(measures.look(edit))
        sheets.add(edit)
    found = measures.compare(seen, [source.notes["prompt"]["source"] for source in sources], against)
    output.mkdir(parents=True, exist_ok=True)
    sheets.write(output)
    return report(seen, found, {**vars(protocol), "seed": seed}, [*remarks, *trained_with(sources, protocol)], output)


def report(
    seen: Sequence[Measurement],
    found: tuple[list[dict], list[str], dict[str, Tensor]],
    settings: dict,
    remarks: list[str],
    output: Path,
) -> list[dict]:
    """Print and write the tables; return the numbers of each edit with its name and prompt."""
    numbers, prompts, matrices = found
    titles = [one.name for one in seen]
    tables = [score_table(titles, numbers), geometry_table(titles, numbers)]
    tables += [retrieval_table(titles, prompts, matrix, by) for by, matrix in matrices.items()]
    rows = [{"name": one.name, "prompt": one.target, **row} for one, row in zip(seen, numbers, strict=True)]
    own, change = (sum(row[f"own {by} nearest"] for row in rows) / len(rows) for by in ("prompt", "change"))
    told = (
        f"{settings['faces']} faces (seed {settings['seed']}), {len(settings['yaws'])} views of each; "
        f"scored by {', '.join(settings['encoders'])}; own prompt nearest: {own:.1%} of all, by change {change:.1%}"
    )
    content = {"settings": settings, "remarks": remarks, "edits": rows, "prompts": prompts}
    write_tables(
        output, tables, [told, *remarks], {**content, "retrieval": {by: each.tolist() for by, each in matrices.items()}}
    )
    print("\n\n".join([*(table.text() for table in tables), told, *remarks, f"written to {output}"]))
    return rows


def open_extras(protocol: Protocol, device: str) -> tuple[Distances | None, FaceEmbedder | None, list[str]]:
    """Load what comes in extras; where one is missing, a remark says so instead of numbers."""
    distances, embedder, remarks = None, None, []
    try:
        if protocol.faces * len(protocol.yaws) < LEAST:
            raise ValueError(f"at least {LEAST} images (faces times views) are wanted")
        distances = Distances(load_features(protocol.network)).to(device)
        remarks.append(f"FID and KID by {distances.features.title}; FID of few images is too large")
    except (ModuleNotFoundError, FileNotFoundError, ValueError) as error:
        remarks.append(f"FID and KID not measured: {error}")
    try:
        embedder = FaceEmbedder()
        remarks.append(
            "Identity by dlib's face recognition, frontal images before and after; beside it the distance of "
            "different originals, and how many edited faces are nearest to their own original"
        )
    except ModuleNotFoundError as error:
        remarks.append(f"Identity not measured: {error}")
    return distances, embedder, remarks


def trained_with(sources: Sequence[Source], protocol: Protocol) -> list[str]:
    """Say which edits were trained with an encoder that now scores them."""
    used = {named_guidance(name).model: name for name in protocol.encoders}
    remarks = []
    for source in sources:
        both = sorted(used[model] for model in encoders_of(source.notes["guidance"]) & used.keys())
        if both:
            remarks.append(f"Not a fair score: {source.name} was trained with {', '.join(both)}")
    return remarks


if __name__ == "__main__":
    main()
