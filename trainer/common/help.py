"""What `python -m trainer.<trainer> --help` prints.

Hydra's own help searches the groups of all its plugins first, which takes a second.
"""

from collections.abc import Sequence

import hydra
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from trainer.common.config import docstring


def text(trainer: str, overrides: Sequence[str]) -> str:
    """Tell of a trainer: its module's docstring, then what can be overridden, with the overrides in force.

    Args:
        trainer: its name.
        overrides: `key=value` as Hydra takes them.

    Raises:
        hydra.errors.HydraException: an override is not of this trainer.
    """
    with hydra.initialize_config_module("configs", version_base="1.3"):
        values = OmegaConf.to_yaml(hydra.compose(trainer, list(overrides)))
        loader = GlobalHydra.instance().config_loader()
        options = {group: loader.get_group_options(group) for group in loader.list_groups("") if group != "hydra"}
    return "\n\n".join(
        (
            docstring(trainer),
            "Groups, chosen by group=name:",
            "\n".join(f"{group}: {', '.join(sorted(names))}" for group, names in sorted(options.items()) if names),
            "Values, overridden by key=value:",
            values + "key=a,b with -m makes one run for each. --hydra-help tells of Hydra's own options.",
        )
    )
