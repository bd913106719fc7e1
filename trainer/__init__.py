"""Trainings: Lightning and Hydra around the method in `clipface`."""

import os

# Read when PyTorch is first imported. Without it, idle OpenMP threads spin on the cores that the renderer's kernels and
# the user's other programs need: on two busy cores a picture then takes ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
