"""Mappers: trained ones, found by their words under a folder of runs, and looks that need no training."""

from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from clipface import weights
from clipface.edit.attributes import PREFIX, is_look, look_offsets
from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_mapper
from clipface.edit.mapper import FaceMapper
from clipface.edit.notes import MAPPER_FILE
from clipface.edit.origin import check_origin
from clipface.edit.sliders import is_slider
from clipface.edit.text_edits import is_text, text_guidance
from clipface.settings import TEXT_PREFIX, GuidanceConfig, prompt_target

PUBLISHED = ".pt"  # ends the names of the authors' files of mappers
MOST_READ = 4  # mappers kept in memory (about 60 MB each); the longest unused are read again when needed


class Run(NamedTuple):
    """A trained mapper, or a look."""

    name: str  # of the folder, or of the authors' file, or look:...
    prompt: str  # words it was trained for
    nickname: str  # of the prompt: a file of configs/prompt, or the words again
    region: str | None  # the part of the face it was trained for


class Library:
    """Mappers by name: those of runs, and those in training, which are put here as they get better."""

    def __init__(self, folder: Path, avatar: Avatar, looks: bool = False) -> None:
        """Create one.

        Args:
            folder: in which runs are looked for, one level down, and files of the authors' mappers.
            avatar: that the mappers must fit.
            looks: whether its generator is the shipped one, which was trained on looks.
        """
        self.folder, self._avatar = Path(folder), avatar
        names = look_offsets() if looks else ()
        self._looks = [Run(PREFIX + name, name.replace("_", " "), name, None) for name in names]
        self._read = lru_cache(MOST_READ)(self._load)
        self._previews: dict[str, FaceMapper] = {}
        self._versions: dict[str, int] = {}

    def runs(self) -> list[Run]:
        """All runs of trainer.mapper that fit the generator, newest first, then looks; damaged ones are passed over."""
        found = []
        for file in (*self.folder.glob(f"*/{MAPPER_FILE}"), *self._published()):
            try:
                changed, run = file.stat().st_mtime, self._run(file)
            except (OSError, ValueError):
                continue  # being written, damaged, of another generator: `mapper` says so when asked for by name
            found += [(changed, run)] if run else []
        return [run for _, run in sorted(found, key=lambda pair: pair[0], reverse=True)] + self._looks

    def _published(self) -> Iterable[Path]:
        """The authors' mappers, which are files without words, for heads with FLAME's UV map."""
        return () if self._avatar.head.uv_map_changed else self.folder.glob(f"[!.]*{PUBLISHED}")

    def _run(self, file: Path) -> Run | None:
        """Read what a run's file says of it; None: it is of another kind, as a video's mapper is."""
        if file.suffix == PUBLISHED:  # called after its prompt; it is read when it is asked for
            return Run(file.name, prompt_target(file.stem).replace("_", " "), file.stem, None)
        notes = weights.load_config(file)
        check_origin(f"mapper {file}", notes, self._avatar, "")
        config, prompt = notes.get("mapper") or {}, notes.get("prompt") or {}
        if not isinstance(config, dict) or not isinstance(prompt, dict):
            raise ValueError(f"mapper {file}: expected objects {{...}} as mapper and prompt, got something else")
        if config.get("levels") != self._avatar.generator.levels:
            return None
        words = prompt.get("target") or file.parent.name
        run = Run(file.parent.name, words, prompt.get("name") or words, config.get("region"))
        if not all(isinstance(value, str) for value in (*run[:3], run.region or "")):
            raise ValueError(f"mapper {file}: expected words as prompt, its name and region, got something else")
        return run

    def find(self, words: str, region: str | None = None) -> Run | None:
        """The newest run for some words, or the look of this name.

        Args:
            words: a prompt, its name in configs/prompt, or a run's name; capitals do not matter.
            region: a run that was trained for this region comes first, then one for the whole face; one for another
                region is not taken.
        """
        sought = words.strip().lower()
        fitting = [run for run in self.runs() if sought in (run.prompt.lower(), run.nickname.lower(), run.name.lower())]
        found = [run for trained_for in (region, None) for run in fitting if run.region == trained_for]
        return next(iter([*found, *(run for run in fitting if run.name.lower() == sought)]), None)

    @cached_property
    def reader(self) -> GuidanceConfig | None:
        """Who reads words that nobody trained for; None: they cannot be applied, as the generator is another."""
        try:
            return text_guidance(self._avatar)
        except (OSError, ValueError):
            return None

    def by_words(self, words: str) -> Run:
        """The edit at once, without training, that words stand for."""
        return Run(TEXT_PREFIX + words, words, words, None)

    def mapper(self, name: str) -> FaceMapper:
        """A mapper by a run's name, or one that was put here.

        Raises:
            ValueError: if there is none of this name, its file is damaged, or it does not fit the avatar.
        """
        return self._previews.get(name) or self._read(name)

    def _load(self, name: str) -> FaceMapper:
        named = is_look(name) or is_slider(name) or is_text(name)
        file = name if named else self.folder / name
        known = named or file in self._published() or (Path(name).name == name and (file / MAPPER_FILE).is_file())
        if not known or not name:
            raise ValueError(f"mapper: expected a run in {self.folder}, got {name!r}; train it, or --runs")
        return self._on_device(load_mapper(file, self._avatar))

    def _on_device(self, mapper: FaceMapper) -> FaceMapper:
        return mapper.eval().requires_grad_(False).to(self._avatar.head.v_template.device)

    def put(self, name: str, mapper: FaceMapper) -> None:
        """Make a mapper that is still in training known, or a better one of the same name."""
        self._previews[name] = self._on_device(mapper)
        self._versions[name] = self.version(name) + 1

    def drop(self, name: str) -> None:
        """Forget what was put here: from now on the name stands for the run's own file."""
        if self._previews.pop(name, None) is not None:
            self._versions[name] = self.version(name) + 1

    def version(self, name: str) -> int:
        """Which mapper a name stands for: counts up whenever that changes."""
        return self._versions.get(name, 0)
