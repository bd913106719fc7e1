"""Train a small encoder of faces and words on painted faces.

python -m trainer.face_encoder trainer=gpu trainer.minutes=7
python -m trainer.face_encoder trainer=gpu experiment=scoring
python -m trainer.face_encoder experiment=smoke

Source: CLIP (arXiv 2103.00020), section 2.
"""

import sys

import hydra
from omegaconf import DictConfig, OmegaConf

from clipface import startup
from trainer.common.config import refuse_renamed
from trainer.face_encoder import config as _  # noqa: F401  registers the schema


@hydra.main(version_base="1.3", config_path="../../configs", config_name="face_encoder")
def main(config: DictConfig) -> None:
    """Command line: Hydra overrides, `key=value`."""
    settings = OmegaConf.to_object(config)
    startup.prepare()
    startup.announce("Train a small encoder of faces and words on painted faces")
    from trainer.common import run
    from trainer.face_encoder.train import train

    run.main(train, settings)


if __name__ == "__main__":
    refuse_renamed(sys.argv[1:])
    main()
