"""Train a text-guided editor of faces.

python -m trainer.mapper prompt=zombie
python -m trainer.mapper prompt.target="a photo of an old man with a beard" model.region=skin
python -m trainer.mapper -m prompt=zombie,clown trainer=gpu guidance=vit_b_32
python -m trainer.mapper prompt=zombie experiment=smoke hydra.run.dir=my_zombie

Writes images, a head, the editor and its scores into the run's folder; scripts/edit.py edits other faces with it.

Source: ClipFace (arXiv 2212.01406), sections 3.2 and 4.
"""

import sys

import hydra
from omegaconf import DictConfig, OmegaConf

from clipface import startup
from trainer.common.config import refuse_renamed
from trainer.mapper import config as _  # noqa: F401  registers the schema


@hydra.main(version_base="1.3", config_path="../../configs", config_name="mapper")
def main(config: DictConfig) -> None:
    """Command line: Hydra overrides, `key=value`."""
    settings = OmegaConf.to_object(config)
    startup.prepare()
    startup.announce("Train a text-guided editor of faces")
    from trainer.common import run
    from trainer.mapper.train import train

    run.main(train, settings)


if __name__ == "__main__":
    refuse_renamed(sys.argv[1:])
    main()
