"""Scores: how far drawn heads are from photographs."""

from clipface.metrics.distances import Distances
from clipface.metrics.features import NETWORKS, load_features

__all__ = ["NETWORKS", "Distances", "load_features"]
