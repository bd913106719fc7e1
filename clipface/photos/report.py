"""What came of a folder of photographs: counts with reasons, the heads' distribution, a sheet to look at."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms.functional import to_pil_image, to_tensor
from torchvision.utils import make_grid

from clipface.data import FitDistribution, MaskedFaces
from clipface.data.distribution import BLOCKS
from clipface.data.shards import DISTRIBUTION, survey, write_json
from clipface.files import replacing
from clipface.head import HeadModel
from clipface.render.renderer import Renderer

SUMMARY, SHEET = "summary.json", "contact_sheet.png"
EXAMPLES = 5
SHEET_FACES, SHEET_COLUMNS, CELL = 40, 5, 160  # faces; faces a row; pixels


def summarise(out: Path, others: int = 0) -> dict[str, Any]:
    """Count what became of the photographs of a data set, and write `summary.json`.

    Args:
        out: the data set.
        others: files that are no images.

    Returns:
        photographs, kept, dropped, other_files: counts; reasons: for each kind its count and examples.
    """
    reasons: dict[str, list[str]] = defaultdict(list)
    total = 0
    for shard in survey(out)[0]:
        for file, record in shard.record["sources"].items():
            kind, _, detail = record["result"].partition(": ")
            total += 1
            if kind != "kept":
                reasons[kind].append(f"{file}: {detail}")
    dropped = sum(map(len, reasons.values()))
    summary = {
        "photographs": total, "kept": total - dropped, "dropped": dropped, "other_files": others,
        "reasons": {
            kind: {"count": len(files), "examples": sorted(files)[:EXAMPLES]}
            for kind, files in sorted(reasons.items(), key=lambda item: -len(item[1]))
        },
    }  # fmt: skip
    write_json(out / SUMMARY, summary)
    return summary


def table(summary: dict[str, Any]) -> str:
    """The summary as lines to print."""
    total = max(summary["photographs"], 1)
    lines = [f"{summary['photographs']} photographs: {summary['kept']} kept, {summary['dropped']} dropped"]
    for kind, entry in summary["reasons"].items():
        lines.append(f"  {kind:<20} {entry['count']:>6}  {entry['count'] / total:>6.1%}   {entry['examples'][0]}")
        lines += [f"{'':<40}{example}" for example in entry["examples"][1:3]]
    if summary["other_files"]:
        lines.append(f"  passed over: {summary['other_files']} files that are no images")
    return "\n".join(lines)


def write_distribution(out: Path, head: HeadModel) -> FitDistribution | None:
    """Measure how the heads of a data set are distributed; None, and no file, where it stores vertices only."""
    faces = MaskedFaces(out, 8)
    if not set(BLOCKS) <= set(faces.sizes) or "vertices" in faces.sizes:
        (out / DISTRIBUTION).unlink(missing_ok=True)
        return None
    rows = [[parameters[name] for name in BLOCKS] for parameters in map(faces.parameters, range(len(faces)))]
    heads = dict(zip(BLOCKS, map(np.stack, zip(*rows, strict=True)), strict=True))
    distribution = FitDistribution.fit(heads, np.arange(faces.sizes["expression"][0]) < len(head.expression_names))
    distribution.save(out / DISTRIBUTION)
    return distribution


@torch.no_grad()
def write_sheet(out: Path, head: HeadModel, renderer: Renderer, count: int = SHEET_FACES) -> Path:
    """Show faces spread over a data set: the image, what of it is trained on, and the fitted head over it.

    Args:
        out: the data set.
        head, renderer: of the mesh that was fitted.
        count: of faces at most.

    Returns:
        The sheet's file.
    """
    faces, device = MaskedFaces(out, CELL), head.v_template.device
    cells = []
    for index in np.linspace(0, len(faces) - 1, min(count, len(faces))).round().astype(int).tolist():
        face = faces[index]
        photograph = to_tensor(faces.images(index)[0].resize((CELL, CELL), Image.Resampling.BILINEAR)).to(device)
        shape, expression, pose, camera, neck_pose, eye_pose = (part[None].to(device) for part in face[2:8])
        if face.vertices is None:
            vertices = head(shape, expression, pose, neck_pose, eye_pose)
        else:
            vertices = face.vertices[None].to(device)
        rendered = renderer(vertices, None, camera, CELL, photograph[None]).image[0].clamp(0, 1)
        cells += [(image.cpu() * 255).round().byte() for image in (photograph, (face.image + 1) / 2, rendered)]
    with replacing(out / SHEET) as partial:
        to_pil_image(make_grid(cells, SHEET_COLUMNS * 3, padding=0, pad_value=255)).save(partial, "PNG")
    return out / SHEET
