"""Measure how well heads fit photographs: error of the face points, expressions, identities, time. Prints Markdown.

python scripts/measure/fits.py --photos my_photos --labels my_photos/labels.csv
python scripts/measure/fits.py --photos my_photos --labels my_photos/labels.csv --stage full --device cuda
python scripts/measure/fits.py --photos my_photos --cache faces.npz

Errors are distances between a point of the fitted head and MediaPipe's, over the distance between the outer corners of
the eyes, in percent: median / 95th percentile. Points of the outline are where the head's silhouette is.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from examined_photos import Faces, Labels, examined, read_labels
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.fit.fitter import Fitter
from clipface.fit.landmark_objective import LandmarkObjective
from clipface.fit.landmarks import fit_landmarks
from clipface.head import HeadModel, load_head
from clipface.head.model import rotation_matrices
from clipface.render.renderer import Renderer

BATCH = {"landmarks": 512, "full": 32}  # images
NEAR_FRONTAL = 15.0  # degrees of yaw
NEUTRAL, SMILING, SMILE = "neutral", "smiling", ("mouthSmileLeft", "mouthSmileRight")


class Measured(NamedTuple):
    """Fits of all images, errors [B, N] in percent, seconds an image."""

    fit: HeadFit
    errors: np.ndarray
    seconds: float


class Bench:
    """Photographs to fit one head to.

    Args:
        head: the head, on the device to use.
        faces, labels: the photographs.
        stage: "landmarks", or "full", which goes on through the renderer.
        backend: the renderer's.
    """

    def __init__(self, head: HeadModel, faces: Faces, labels: Labels, stage: str, backend: str) -> None:
        self.head, self.faces, self.labels, self.stage = head, faces, labels, stage
        if stage == "full":
            self.fitter = Fitter(head, Renderer(head.faces, head.uv, head.uv_faces, backend))

    def run(self, shared: bool = False, weights: Tensor | None = None) -> Measured:
        """Fit all images; `shared` gives a person one identity; `weights` [B, N] of points, for landmarks alone."""
        person = self.labels.person if shared else torch.arange(len(self.faces.files))
        places, fits, errors = self.faces.places, [], []
        order = person.argsort(stable=True)
        begin = time.perf_counter()
        for rows in _batches(person[order], BATCH[self.stage]):
            rows = order[rows]
            groups = torch.unique(person[rows], return_inverse=True)[1]
            fits.append(self._fit(rows, groups, None if weights is None else weights[rows]))
        if self.head.v_template.is_cuda:
            torch.cuda.synchronize()
        seconds = (time.perf_counter() - begin) / len(order)
        whole = HeadFit(*(torch.cat(parts) for parts in zip(*fits, strict=True))).select(order.argsort())
        for rows in torch.arange(len(order)).split(BATCH["landmarks"]):
            objective = LandmarkObjective(self.head, places[rows])
            errors.append(100 * objective.errors(objective.from_fit(whole.select(rows))).detach().cpu())
        return Measured(whole.to("cpu"), torch.cat(errors).numpy(), seconds)

    def _fit(self, rows: Tensor, groups: Tensor, weights: Tensor | None) -> HeadFit:
        if self.stage == "landmarks" or weights is not None:
            return fit_landmarks(self.head, self.faces.places[rows], groups, weights)
        crops, person, inside = (
            torch.from_numpy(part[rows.numpy()]) for part in (self.faces.crops, self.faces.person, self.faces.inside)
        )
        return self.fitter(crops, torch.from_numpy(self.faces.points[rows.numpy()]), person, inside, groups).fit


def _batches(person: Tensor, most: int) -> list[Tensor]:
    """Cut sorted people into runs of rows of at most about `most`, a person never in two."""
    starts = torch.cat([torch.tensor([True]), person[1:] != person[:-1]]).nonzero()[:, 0].tolist()
    cuts = [0]
    for start, end in zip(starts, [*starts[1:], len(person)], strict=True):
        if end - cuts[-1] > most and start > cuts[-1]:
            cuts.append(start)
    return [torch.arange(a, b) for a, b in zip(cuts, [*cuts[1:], len(person)], strict=True)]


def subsets(faces: Faces, labels: Labels, fit: HeadFit) -> dict[str, np.ndarray]:
    """Name to images [B] bool: each folder by expression where labelled, by yaw where not."""
    front = rotation_matrices(fit.pose[:, :3])[:, :, 2]
    frontal = (torch.rad2deg(torch.atan2(front[:, 0], front[:, 2])).abs() <= NEAR_FRONTAL).numpy()
    folders = np.array([str(Path(file).parent) for file in faces.files.tolist()])
    found = {}
    for folder in dict.fromkeys(folders.tolist()):
        inside = folders == folder
        kinds = [kind for kind in dict.fromkeys(labels.expression[inside].tolist()) if kind]
        for kind in kinds:
            found[f"{folder}, {kind}"] = inside & (labels.expression == kind)
        if kinds:
            found[f"{folder}, all"] = inside
        else:
            found[f"{folder}, yaw up to {NEAR_FRONTAL:.0f}°"] = inside & frontal
            found[f"{folder}, yaw over {NEAR_FRONTAL:.0f}°"] = inside & ~frontal
    return {name: rows for name, rows in found.items() if rows.any()}


def error_table(measured: Measured, validation: tuple[np.ndarray, np.ndarray], bench: Bench) -> str:
    """Median / p95 for each subset: all points, regions, validation half, and the point with the worst p95."""
    on = LandmarkObjective(bench.head, bench.faces.places[:1]).on
    regions, numbers = np.array(on.regions), on.numbers.tolist()
    names = list(dict.fromkeys(on.regions))
    lines = [_row("images", "count", "all points", *names, "worst point's p95", "fitted on half, other half")]
    lines.append(_row(*["---"] * (len(names) + 5)))
    for name, rows in subsets(bench.faces, bench.labels, measured.fit).items():
        errors = measured.errors[rows]
        high = np.percentile(errors, 95, axis=0)
        worst = int(high.argmax())
        other = validation[0][rows][validation[1][rows]]
        parts = [_pair(errors[:, regions == region]) for region in names]
        place = f"{high[worst]:.2f} (number {numbers[worst]}, {regions[worst]})"
        lines.append(_row(name, str(int(rows.sum())), _pair(errors), *parts, place, _pair(other)))
    return "\n".join(lines)


def smile_share(bench: Bench, fit: HeadFit) -> str:
    """In how many pairs of one person's images mouthSmile is larger in the smiling one, and the median rise."""
    slots = [bench.head.expression_names.index(name) for name in SMILE]
    smile = fit.expression[:, slots].mean(1).numpy()
    people = bench.labels.person.numpy()
    strength = {kind: {people[row]: smile[row] for row in np.flatnonzero(bench.labels.expression == kind)}
                for kind in (NEUTRAL, SMILING)}  # fmt: skip
    both = [who for who in strength[NEUTRAL] if who in strength[SMILING]]
    rise = np.array([strength[SMILING][who] - strength[NEUTRAL][who] for who in both])
    return f"{100 * (rise > 0).mean():.1f} % of {len(rise)} pairs, median rise {np.median(rise):.2f}"


def identity_shares(bench: Bench, fit: HeadFit) -> tuple[float, float, int]:
    """How often the same person is closer than another, how often closest of all, and of how many people."""
    prior = LandmarkObjective(bench.head, bench.faces.places[:1]).prior
    shape = prior.whitened(fit.shape[:, : prior.n_shape].to(bench.head.v_template)).cpu().numpy()
    people = bench.labels.person.numpy()
    pairs = np.array([rows[:2] for who in np.unique(people) if len(rows := np.flatnonzero(people == who)) > 1])
    if len(pairs) < 2:
        return float("nan"), float("nan"), len(pairs)
    first, second = shape[pairs[:, 0]], shape[pairs[:, 1]]
    distance = np.linalg.norm(first[:, None] - second[None], axis=-1)
    same, others = np.diag(distance), ~np.eye(len(pairs), dtype=bool)
    closer = np.concatenate([(distance > same[:, None])[others], (distance > same[None])[others]]).mean()
    return float(closer), float((distance.argmin(1) == np.arange(len(pairs))).mean()), len(pairs)


def _pair(errors: np.ndarray) -> str:
    return f"{np.median(errors):.2f} / {np.percentile(errors, 95):.2f}"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Parse the command line, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--labels", type=Path, help="CSV file: file, person, expression")
    parser.add_argument("--stage", choices=("landmarks", "full"), default="landmarks")
    parser.add_argument("--cache", type=Path, help=".npz that keeps the faces found for the next time")
    parser.add_argument("--head", default="open")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--backend", default="warp", help="renderer of the full stage: warp or nvdiffrast")
    options = parser.parse_args()
    faces = examined(options.photos, options.cache)
    labels = read_labels(options.labels, faces.files)
    bench = Bench(load_head(options.head).to(options.device), faces, labels, options.stage, options.backend)
    separate = bench.run()
    half = torch.rand(separate.errors.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    print(error_table(separate, (bench.run(weights=half.float()).errors, ~half.numpy()), bench))
    together = bench.run(shared=True)
    print(f"\nall points with shared identities: {_pair(together.errors)} %")
    closer, nearest, people = identity_shares(bench, separate.fit)
    print(f"separate fits: same person closer than another in {100 * closer:.1f} % of comparisons, closest of {people} "
          f"in {100 * nearest:.1f} %")  # fmt: skip
    if (labels.expression == SMILING).any() and set(SMILE) <= set(bench.head.expression_names):
        print(f"mouthSmile rises, shared identities: {smile_share(bench, together.fit)}; "
              f"separate: {smile_share(bench, separate.fit)}")  # fmt: skip
    print(f"{1000 * separate.seconds:.1f} ms an image ({options.stage}, {options.device})")


if __name__ == "__main__":
    main()
