"""What a run leaves and another begins with."""

from pathlib import Path

import torch

from trainer.common.config import read_run
from trainer.common.resume import check_checkpoint
from trainer.mapper.config import MapperConfig

from .. import lies, text_lies
from ..reader import Reader


def _checkpoint(path: Path) -> None:
    """A checkpoint with what Lightning looks for."""
    state = {"state_dict": {"mapper.weight": torch.zeros(3)}, "epoch": 0, "global_step": 3, "loops": {},
             "callbacks": {}, "optimizer_states": [], "lr_schedulers": [],
             "pytorch-lightning_version": "2.6.0"}  # fmt: skip
    torch.save(state, path)


def _config(path: Path) -> None:
    path.mkdir()
    (path / "config.yaml").write_text("seed: 3\npsi: 0.4\nprompt:\n  target: smooth\n", encoding="utf-8")


READERS = (
    Reader("checkpoints of runs", "last.ckpt", _checkpoint, check_checkpoint, lies.archives_of_torch),
    Reader("configurations of runs", "run", _config, lambda path: read_run(path, MapperConfig), None,
           ((".yaml", text_lies.yamls),)),
)  # fmt: skip
