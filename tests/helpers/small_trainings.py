"""Overrides with which trainings of networks take seconds."""

VISION = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "head_width": 8, "patch_size": None}
TEXT = {"context_length": 32, "width": 16, "heads": 2, "layers": 1}
MODEL = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT}
TRAINER = ["trainer.minutes=null", "trainer.log_every=2", "trainer.threads=1"]
GAN = [
    "generator={resolution: 16, z_dim: 8, w_dim: 8, channel_base: 64, channel_max: 8}",
    "discriminator={channel_base: 64, channel_max: 4}", "patch={size: 8, stride: 4, count: 1, channel_max: 4}",
    "dataset={texture_size: 32, chunk: 4}", "image_size=16", "batch_size=2", "trainer.precision=32-true",
    "augment={images: 100, every: 2}", "penalty={r1_every: 3, path_every: 2}",
]  # fmt: skip
ENCODER = [
    "painting={images: 8, chunk: 4, renew_every: 2, captions: 2, size: 32, texture_size: 64, validation: 4}",
    f"model={MODEL}".replace("'", "").replace("None", "null"), "batch_size=4", "trainer.precision=32-true",
]  # fmt: skip
ANCHORED = [  # with dataset.textures=<folder>
    "experiment=anchored",
    "anchored.stages=[{resolution:16,batch_size:8,share:1},{resolution:32,batch_size:8,share:1}]",
    "anchored.coefficients=6", "anchored.anchor_size=8", "anchored.painted.count=1", "patch.size=16",
    "generator.resolution=32", "generator.z_dim=10", "generator.w_dim=16", "generator.channel_base=256",
    "discriminator={channel_base:128,channel_max:8}", "patch.channel_base=64", "patch.channel_max=8",
]  # fmt: skip
