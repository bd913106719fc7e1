"""Trainings: Lightning and Hydra around the method in `clipface`."""
