"""Train textures that follow a motion.

python -m trainer.video_mapper prompt=angry sequence=laugh
python -m trainer.video_mapper prompt=zombie sequence=capture.csv hydra.run.dir=my_capture
python -m trainer.video_mapper prompt=angry sequence=laugh experiment=smoke

Writes a video, a head that moves and the editor into the run's folder; scripts/animate.py animates other faces with it.

Source: ClipFace (arXiv 2212.01406), section 3.3.
"""

import sys

import hydra
from omegaconf import DictConfig, OmegaConf

from clipface import startup
from trainer.common.config import refuse_renamed
from trainer.video_mapper import config as _  # noqa: F401  registers the schema


@hydra.main(version_base="1.3", config_path="../../configs", config_name="video_mapper")
def main(config: DictConfig) -> None:
    """Command line: Hydra overrides, `key=value`."""
    settings = OmegaConf.to_object(config)
    startup.prepare()
    startup.announce("Train textures that follow a motion")
    from trainer.common import run
    from trainer.video_mapper.train import train

    run.main(train, settings)


if __name__ == "__main__":
    refuse_renamed(sys.argv[1:])
    main()
