"""Compare trained mappers on the same unseen faces: which prompt is each edited face nearest to, and what moved?

python scripts/evaluate.py --mappers runs/*_mapper_zombie runs/*_mapper_clown --faces 8 --encoder scoring
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import torch
from omegaconf import OmegaConf
from torch import Tensor

from clipface import assets
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.mapper import Codes, FaceMapper
from clipface.guidance import Encoder, GuidanceConfig, load_encoder
from clipface.head import HeadModel
from clipface.texture.generator import TextureGenerator
from trainer.pictures import grid
from trainer.start import HeadConfig, RendererConfig, load_drawn_head

GUIDANCE = Path(__file__).parent.parent / "configs" / "guidance"
REGIONS = ("brows", "eye_region", "nose", "lips", "face")
# Of the usual 68 landmarks.
MOUTH_CORNERS, INNER_BROWS, INNER_LIPS = (48, 54), (21, 22), (62, 66)


class Edit(NamedTuple):
    """A mapper and what it made of the faces."""

    name: str
    target: str
    image: Tensor  # [B, 3, H, W] in 0..1
    geometry: Tensor  # likewise, grey
    vertices: Tensor  # [B, V, 3] metres


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--mappers", nargs="+", required=True, type=Path, help="run folders, or mapper.safetensors files"
    )
    parser.add_argument("--faces", type=int, default=8, help="how many unseen faces")
    parser.add_argument("--seed", type=int, default=2**40, help="of the faces; the default is no training run's")
    parser.add_argument("--encoder", default="scoring", choices=sorted(path.stem for path in GUIDANCE.glob("*.yaml")))
    parser.add_argument("--size", type=int, default=192, help="side of each picture, pixels")
    parser.add_argument("--output", type=Path, default=Path("evaluation.png"), help="the picture to write")
    arguments = parser.parse_args()
    evaluate(**vars(arguments))


@torch.no_grad()
def evaluate(mappers: list[Path], faces: int, seed: int, encoder: str, size: int, output: Path) -> Tensor:
    """Print the tables, write the picture, and return the cosines [prompt edited by, face, prompt compared with]."""
    runs = [read_run(path) for path in mappers]
    shared = {key: runs[0][1][key] for key in ("head", "generator", "psi")}
    for path, (_, notes) in zip(mappers, runs, strict=True):
        if any(notes[key] != value for key, value in shared.items()):
            raise ValueError(
                f"mappers: all of one head, generator and psi are wanted, {path} differs from {mappers[0]}"
            )
    avatar = Avatar(
        TextureGenerator.from_weights(shared["generator"] or assets.resolve("generator")),
        *load_drawn_head(HeadConfig(**shared["head"]), RendererConfig()),
    )
    drawn = avatar.random_faces(faces, seed, shared["psi"])
    original = draw(avatar, drawn, drawn.codes, size)
    edits = [draw(avatar, drawn, mapper(drawn.codes), size, **notes["prompt"]) for mapper, notes in runs]
    judge = load_encoder(GuidanceConfig(**OmegaConf.load(GUIDANCE / f"{encoder}.yaml")))
    cosines = print_words(judge, original, edits)
    print_geometry(avatar.head, original, edits)
    write_grid(output, original, edits)
    return cosines


def read_run(path: Path) -> tuple[FaceMapper, dict]:
    """Read a run's mapper and the notes beside it."""
    return FaceMapper.from_weights(path / "mapper.safetensors" if path.is_dir() else path)


def draw(avatar: Avatar, faces: Faces, codes: Codes, size: int, name: str = "original", **prompt: str) -> Edit:
    """Draw the faces with these codes, from the front."""
    pictures = (
        avatar.views(texture, codes, faces.camera, size) for texture in (avatar.texture(codes.w_plus), None)
    )
    return Edit(name, prompt.get("target", ""), *pictures, avatar.head(codes.shape, codes.expression))


def print_words(judge: Encoder, original: Edit, edits: list[Edit]) -> Tensor:
    """Print the retrieval matrix and the CLIP scores; return the cosines [edited by, face, compared with]."""
    words = judge.encode_text([edit.target for edit in edits])
    cosines = torch.stack([judge.encode_image(edit.image) @ words.T for edit in edits])
    before = judge.encode_image(original.image) @ words.T
    nearest = torch.stack([torch.bincount(row.argmax(-1), minlength=len(edits)) for row in cosines])
    width = max(len(edit.name) for edit in edits) + 2
    print("edited for (rows), nearest prompt (columns), number of faces; CLIP score of the row's prompt")
    print("".ljust(width) + "".join(edit.name.rjust(width) for edit in edits) + "   before   after")
    for i, edit in enumerate(edits):
        counts = "".join(f"{count}".rjust(width) for count in nearest[i].tolist())
        print(f"{edit.name.ljust(width)}{counts}   {before[:, i].mean():6.3f}  {cosines[i, :, i].mean():6.3f}")
    right = nearest.diagonal().sum().item()
    print(f"own prompt nearest: {right} of {nearest.sum().item()} ({100 * right / nearest.sum().item():.0f} %)\n")
    return cosines


def print_geometry(head: HeadModel, original: Edit, edits: list[Edit]) -> None:
    """Print how far the regions moved, and which way the landmarks that show an expression went."""
    regions = [name for name in REGIONS if name in head.regions]
    signs = ("corners up", "mouth wider", "lips open", "brows up", "brows apart")
    print("geometry: mean movement by region, and what landmarks did, mm")
    print(" " * 16 + "".join(name.rjust(13) for name in (*regions, *signs)))
    for edit in edits:
        moved = (edit.vertices - original.vertices).norm(dim=-1)
        means = [moved[:, head.regions[name]].mean().item() for name in regions]
        change = (expression_signs(head, edit.vertices) - expression_signs(head, original.vertices)).mean(0).tolist()
        print(edit.name.ljust(16) + "".join(f"{1000 * value:13.2f}" for value in (*means, *change)))


def expression_signs(head: HeadModel, vertices: Tensor) -> Tensor:
    """Measure the mouth's corner height, width and opening, the inner brows' height and distance: [B, 5] metres."""
    points = head.landmarks(vertices)
    corners, brows, lips = (points[:, list(pair)] for pair in (MOUTH_CORNERS, INNER_BROWS, INNER_LIPS))
    return torch.stack(
        [
            corners[..., 1].mean(1),
            (corners[:, 1] - corners[:, 0]).norm(dim=-1),
            (lips[:, 1] - lips[:, 0]).norm(dim=-1),
            brows[..., 1].mean(1),
            (brows[:, 1] - brows[:, 0]).norm(dim=-1),
        ],
        dim=1,
    )


def write_grid(output: Path, original: Edit, edits: list[Edit]) -> None:
    """Write the picture: a row for each face; the original and its edits, then the same as geometry."""
    shown = [original, *edits]
    columns = [edit.image for edit in shown] + [edit.geometry for edit in shown]
    header = [edit.name.replace("_", " ") for edit in shown] + ["geometry"] + [""] * len(edits)
    output.parent.mkdir(parents=True, exist_ok=True)
    grid(list(zip(*columns, strict=True)), header).save(output)
    print(f"\nwritten: {output}")


if __name__ == "__main__":
    main()
