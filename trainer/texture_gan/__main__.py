"""Train the texture generator from images of faces; the method is in trainer/texture_gan/module.py.

python -m trainer.texture_gan trainer=gpu dataset.path=my_faces
python -m trainer.texture_gan trainer=gpu experiment=shipped_generator trainer.minutes=15
python -m trainer.texture_gan experiment=smoke
"""

import sys

import hydra
from omegaconf import DictConfig, OmegaConf

from clipface import startup
from trainer.common.config import refuse_renamed
from trainer.texture_gan import config as _  # noqa: F401  registers the schema


@hydra.main(version_base="1.3", config_path="../../configs", config_name="texture_gan")
def main(config: DictConfig) -> None:
    """Command line: Hydra overrides, `key=value`."""
    settings = OmegaConf.to_object(config)
    startup.prepare()
    startup.announce("Train the texture generator from images of faces")
    from trainer.common import run
    from trainer.texture_gan.train import train

    run.main(train, settings)


if __name__ == "__main__":
    refuse_renamed(sys.argv[1:])
    main()
