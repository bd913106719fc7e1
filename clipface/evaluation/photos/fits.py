"""How well heads fit photographs: error of the face points, expressions, identities.

Errors are distances between a point of the fitted head and MediaPipe's, over the distance between the outer corners of
the eyes, in percent: median / 95th percentile. Points of the outline are where the head's silhouette is.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.evaluation.tables import Table
from clipface.evaluation.timing import synchronized_time
from clipface.fit.fitter import Fitter
from clipface.fit.landmark_objective import LandmarkObjective
from clipface.fit.landmarks import fit_landmarks
from clipface.head import HeadModel
from clipface.head.model import rotation_matrices
from clipface.photos.folder import ExaminedFaces, PhotographLabels
from clipface.photos.sources import packed

LANDMARK_BATCH, FULL_BATCH = 512, 32  # images
NEAR_FRONTAL = 15.0  # degrees of yaw
NEUTRAL, SMILING, SMILE = "neutral", "smiling", ("mouthSmileLeft", "mouthSmileRight")


class MeasuredFits(NamedTuple):
    """Fits of all images, errors [B, N] in percent, seconds an image."""

    fit: HeadFit
    errors: np.ndarray
    seconds: float


class FitBench:
    """Photographs to fit one head to.

    Args:
        head: the head, on the device to use.
        faces, labels: the photographs.
        fitter: goes on through the renderer; None: heads are fitted to landmarks alone.
    """

    def __init__(
        self, head: HeadModel, faces: ExaminedFaces, labels: PhotographLabels, fitter: Fitter | None = None
    ) -> None:
        self.head, self.faces, self.labels, self.fitter = head, faces, labels, fitter
        self.objective = LandmarkObjective(head, faces.places[:1])  # its points and its prior are those of all images

    def run(self, shared: bool = False, weights: Tensor | None = None) -> MeasuredFits:
        """Fit all images.

        Args:
            shared: give a person one identity in all images.
            weights: [B, N], of the points; needs `fitter` to be None.
        """
        person = self.labels.person if shared else torch.arange(len(self.faces.files))
        fits, device = [], self.head.v_template.device
        order = person.argsort(stable=True)
        images = order.split(torch.unique(person, return_counts=True)[1].tolist())  # of each person
        start = synchronized_time(device)
        for people in packed(images, FULL_BATCH if self.fitter else LANDMARK_BATCH):
            rows = torch.cat(people)
            groups = torch.unique(person[rows], return_inverse=True)[1]
            if self.fitter is None:
                chosen = None if weights is None else weights[rows]
                fits.append(fit_landmarks(self.head, self.faces.places[rows], groups, chosen))
            else:
                fits.append(self.fitter(*self.faces.tensors(rows.numpy()), groups).fit)
        seconds = (synchronized_time(device) - start) / len(order)
        fit = HeadFit(*(torch.cat(parts) for parts in zip(*fits, strict=True))).select(order.argsort())
        batches = torch.arange(len(order)).split(LANDMARK_BATCH)
        errors = [point_errors(self.head, self.faces.places[rows], fit.select(rows))[0] for rows in batches]
        return MeasuredFits(fit.to("cpu"), 100 * torch.cat(errors).cpu().numpy(), seconds)

    def error_table(self, measured: MeasuredFits, halves: tuple[np.ndarray, np.ndarray]) -> Table:
        """Median / 95th percentile of subsets: all points, each region, the worst point, and points not fitted.

        Args:
            measured: all points fitted.
            halves: errors [B, N] of fits to some points, and which points [B, N] those were not.
        """
        on = self.objective.on
        regions, names = np.array(on.regions), list(dict.fromkeys(on.regions))
        rows = []
        for name, chosen in self._subsets(measured.fit).items():
            errors = measured.errors[chosen]
            high = np.percentile(errors, 95, axis=0)
            worst = int(high.argmax())
            parts = [spread(errors[:, regions == region]) for region in names]
            place = f"{high[worst]:.2f} (number {int(on.numbers[worst])}, {regions[worst]})"
            other = spread(halves[0][chosen][halves[1][chosen]])
            rows.append([name, str(int(chosen.sum())), spread(errors), *parts, place, other])
        header = ["images", "count", "all points", *names, "worst point's p95", "fitted on half, other half"]
        return Table("Errors, median / 95th percentile in percent of the distance between the eyes", header, rows)

    def _subsets(self, fit: HeadFit) -> dict[str, np.ndarray]:
        """Name to images [B] bool: each folder by expression where labelled, by yaw where not."""
        front = rotation_matrices(fit.pose[:, :3])[:, :, 2]
        frontal = (torch.rad2deg(torch.atan2(front[:, 0], front[:, 2])).abs() <= NEAR_FRONTAL).numpy()
        folders, expression = np.array([str(Path(file).parent) for file in self.faces.files]), self.labels.expression
        found = {}
        for folder in dict.fromkeys(folders.tolist()):
            inside = folders == folder
            kinds = [kind for kind in dict.fromkeys(expression[inside].tolist()) if kind]
            found |= {f"{folder}, {kind}": inside & (expression == kind) for kind in kinds}
            if kinds:
                found[f"{folder}, all"] = inside
            else:
                found[f"{folder}, yaw up to {NEAR_FRONTAL:.0f}°"] = inside & frontal
                found[f"{folder}, yaw over {NEAR_FRONTAL:.0f}°"] = inside & ~frontal
        return {name: rows for name, rows in found.items() if rows.any()}

    def smile_share(self, fit: HeadFit) -> str:
        """In how many pairs of one person's images mouthSmile is larger in the smiling one, and the median rise."""
        smile = fit.expression[:, [self.head.expression_names.index(name) for name in SMILE]].mean(1).numpy()
        people = self.labels.person.numpy()
        neutral, smiling = (
            {people[row]: smile[row] for row in np.flatnonzero(self.labels.expression == kind)}
            for kind in (NEUTRAL, SMILING)
        )
        rise = np.array([smiling[person] - neutral[person] for person in neutral if person in smiling])
        return f"{100 * (rise > 0).mean():.1f} % of {len(rise)} pairs, median rise {np.median(rise):.2f}"

    def identity_shares(self, fit: HeadFit) -> tuple[float, float, int]:
        """How often the same person is closer than another, how often closest of all, and of how many people."""
        prior, people = self.objective.prior, self.labels.person.numpy()
        shape = prior.whitened(fit.shape[:, : prior.n_shape].to(self.head.v_template)).cpu().numpy()
        images = (np.flatnonzero(people == person) for person in np.unique(people))
        pairs = np.array([rows[:2] for rows in images if len(rows) > 1])
        if len(pairs) < 2:
            return float("nan"), float("nan"), len(pairs)
        first, second = shape[pairs[:, 0]], shape[pairs[:, 1]]
        distance = np.linalg.norm(first[:, None] - second[None], axis=-1)
        same, others = np.diag(distance), ~np.eye(len(pairs), dtype=bool)
        closer = np.concatenate([(distance > same[:, None])[others], (distance > same[None])[others]]).mean()
        return float(closer), float((distance.argmin(1) == np.arange(len(pairs))).mean()), len(pairs)


def measure_fits(bench: FitBench) -> str:
    """All that is measured of fits, to print; fits the images two times, and the points of one half a third time."""
    separate = bench.run()
    half = torch.rand(separate.errors.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    by_landmarks = FitBench(bench.head, bench.faces, bench.labels)
    table = bench.error_table(separate, (by_landmarks.run(weights=half.float()).errors, ~half.numpy()))
    together = bench.run(shared=True)
    closer, nearest, people = bench.identity_shares(separate.fit)
    lines = [
        table.markdown(), f"\nall points with shared identities: {spread(together.errors)} %",
        f"separate fits: same person closer than another in {100 * closer:.1f} % of comparisons, closest of {people} "
        f"in {100 * nearest:.1f} %",
    ]  # fmt: skip
    if (bench.labels.expression == SMILING).any() and set(SMILE) <= set(bench.head.expression_names):
        shares = (bench.smile_share(fit) for fit in (together.fit, separate.fit))
        lines.append("mouthSmile rises, shared identities: {}; separate: {}".format(*shares))
    return "\n".join([*lines, f"{1000 * separate.seconds:.1f} ms an image"])


def spread(errors: np.ndarray) -> str:
    """Median / 95th percentile."""
    return f"{np.median(errors):.2f} / {np.percentile(errors, 95):.2f}"


@torch.no_grad()
def point_errors(head: HeadModel, places: Tensor, fit: HeadFit) -> tuple[Tensor, Tensor]:
    """Errors [B, N] of all points over the distance between the eyes, and those [B, C] of the contour's.

    Args:
        head: that was fitted.
        places: [B, 478, 2] landmarks in the crop's [-1, 1].
        fit: B heads.
    """
    objective = LandmarkObjective(head, places)
    errors = objective.errors(objective.from_fit(fit))
    return errors, errors[:, objective.on.rows("contour").to(errors.device)]
