"""Latent code → UV texture: the generator, what judges it, and what trains it."""
