"""What all tabs of one editor share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from clipface.view.camera.webcam import Cameras
from clipface.view.child import Children
from clipface.view.edits.training import TrainingJobs
from clipface.view.engine import Engine
from clipface.view.persons.fitting import FittingJobs
from clipface.view.persons.store import Persons
from clipface.view.server.workers import Workers
from clipface.view.session.sessions import Sessions


@dataclass
class Services:
    """What all tabs share."""

    engine: Engine
    training: TrainingJobs
    persons: Persons
    children: Children
    fitting: FittingJobs
    cameras: Cameras
    head: str  # "open" or "flame"
    prompts: dict[str, str]  # names of known prompts and their words
    sessions: Sessions = field(default_factory=Sessions)
    entrance: str = "/"  # path of a new session, with the token
    workers: Workers = field(default_factory=Workers)
    end_pages: Callable[[], None] = lambda: None  # of all tabs, before the server stops

    def close(self) -> None:
        """End the processes that work for tabs; none begins any more."""
        self.training.close()
        self.children.close()
        self.cameras.close()
