"""Latent code → UV texture: the generator, its discriminators, losses and augmentation; a PCA model of textures."""
