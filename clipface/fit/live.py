"""One person's face followed from image to image, as fast as images come.

The identity is found once, from the first images. After that each image takes a few Gauss-Newton steps from where the
one before it ended.
"""

import numpy as np
import torch
from torch import Tensor

from clipface.bake.head_fit import HeadFit
from clipface.fit.gauss_newton import minimise
from clipface.fit.landmark_objective import LandmarkObjective
from clipface.fit.landmarks import boxed, fit_landmarks
from clipface.fit.priors import FitParameters
from clipface.head import HeadModel

IDENTITY_IMAGES = 6  # that the identity is found from
STEPS, FIRST_STEPS = 2, 12  # for an image; for one without another before it
LOST = 0.15  # median error over the outer eye corners' distance, beyond which the fit begins anew


class LiveFit:
    """Fits a head to one person's images, one after the other.

    Example:
        fit = LiveFit(load_head())
        for points in camera:                # [478, 2] pixels, y down
            found = fit(points)              # None for the first five
    """

    def __init__(self, head: HeadModel) -> None:
        """Args: head: the head to fit."""
        self._head = head
        self.forget()

    def forget(self) -> None:
        """Begin anew, with another person."""
        self._first: list[Tensor] = []
        self._objective: LandmarkObjective | None = None
        self._shape: Tensor | None = None
        self._last: FitParameters | None = None

    @property
    def lacking(self) -> int:
        """How many more images the identity needs."""
        return 0 if self._objective else IDENTITY_IMAGES - len(self._first)

    @torch.no_grad()
    def __call__(self, points: np.ndarray) -> HeadFit | None:
        """Fit one image.

        Args:
            points: [478, 2] MediaPipe's points in pixels, y down.

        Returns:
            The head of the image, a batch of one; None while the identity is not known.
        """
        place = boxed(torch.from_numpy(points).float()[None])
        if self._objective is None:
            self._first.append(place)
            if self.lacking:
                return None
            self._begin(place)
        self._objective.retarget(place)
        start, steps = self._last, STEPS
        if start is None or float(self._objective.errors(start).median()) > LOST:
            start, steps = self._objective.initial()._replace(shape=self._shape), FIRST_STEPS
        self._last = minimise(self._objective, start, steps, identity=False)
        return self._objective.fit(self._last)

    def _begin(self, place: Tensor) -> None:
        """Find the identity."""
        places = torch.cat(self._first)
        shape = fit_landmarks(self._head, places, torch.zeros(len(places), dtype=torch.long)).shape[:1]
        self._objective = LandmarkObjective(self._head, place)
        self._shape = shape[:, : self._objective.prior.n_shape]
