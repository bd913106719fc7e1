"""What tests of preparing photographs share: a head source that does not fit, and a run without a command line."""

import torch

from clipface.bake.head_fit import HeadFit, white_light
from clipface.fit.fitter import FittedImages
from clipface.photos.dataset import Preparation
from clipface.photos.opening import Options, open_output, plan_run
from clipface.photos.report import summarise
from clipface.photos.sources import find_sources


class StillHeads:
    """A head source that does not fit: every head is the mean one, every mask the full image."""

    name = "still"

    def __init__(self):
        self.calls = []

    def reason(self, file):
        return None

    def heads(self, files, cutouts, groups):
        self.calls.append((list(files), groups.tolist()))
        count, size = len(files), len(cutouts[0].image)
        zeros = [torch.zeros(count, n) for n in (4, 3, 6, 6)]
        fit = HeadFit(*zeros, torch.ones(count), torch.zeros(count, 2), white_light(count), torch.zeros(count, 1))
        white = torch.full((count, size, size), 255, dtype=torch.uint8)
        return FittedImages(fit, white, white[:, :64, :64]), {}


def options(photos, **changes):
    return Options(photos, photos.parent / "set", "open", **{"workers": 0, "batch": 2, "shard": 4} | changes)


def run(chosen, source=None, done=lambda file, result: None, people=None, check=False):
    """What the script does, without talking; returns the head source."""
    source = source or StillHeads()
    sources, others = find_sources(chosen.photos, chosen.out, people)
    damaged = open_output(chosen, source.name, check, sources)
    plan = plan_run(chosen, sources)
    Preparation(chosen, source, done).run(plan)
    source.plan, source.damaged, source.summary = plan, damaged, summarise(chosen.out, others)
    return source
