"""Edit faces in the browser: a textured head to turn, prompts, expressions, export.

  python -m clipface.view                                  at http://127.0.0.1:8080, with the mappers under runs/
  python -m clipface.view --photo me.jpg --runs my_runs    your own face is number 0; other trained mappers
  python -m clipface.view --host 0.0.0.0                   for other machines too: the address that it prints holds a
                                                           token, without which nobody gets in

Prompts that are trained (by trainer.mapper, or with the button of the page) are applied at once. Ctrl-C ends it.
"""

import argparse
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipface import startup
from clipface.edit.options import PSI, add_people, faces_config
from clipface.settings import config_names, quoted, read_config
from clipface.view.server import start as server
from clipface.view.server.token_auth import TokenAuth

if TYPE_CHECKING:
    from clipface.view.services import Services

SIGNALS_EVERY = 0.5  # seconds; a signal that another thread gets does not wake this one


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        "python -m clipface.view", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; for any but this machine's own a token is made")
    add("--port", type=int, default=8080, help="0: any free one")
    add("--share-token", help="token of your own, 8 to 64 letters, digits, - or _; then needed on this machine too")
    words = "folder of trained mappers, the authors' .pt files too; new ones are trained into it"
    add("--runs", type=Path, default=Path("runs"), help=words)
    add("--keep", type=Path, help="folder of sessions and of persons made in the page (left out: editor in --runs)")
    add("--generator", type=Path, help="weights of the texture generator (left out: those that come with the project)")
    add("--head", default="open", choices=("open", "flame"))
    add("--device", default="auto", help="cpu or cuda; auto: cuda where there is one")
    add("--camera", help="webcam's device, or a video's file in its place (left out: this machine's first)")
    add("--train", nargs="*", default=[], metavar="KEY=VALUE", help="overrides of trainer.mapper for new prompts")
    add_people(parser)
    options = parser.parse_args(arguments)
    options.keep = options.keep or options.runs / "editor"
    return options


def known_prompts() -> dict[str, str]:
    """Names and words of configs/prompt."""
    prompts = (read_config("prompt", name) for name in config_names("prompt"))
    return {prompt["name"]: prompt["target"] for prompt in prompts if "target" in prompt}


def build(options: argparse.Namespace) -> "Services":
    """Load what all tabs share.

    Raises:
        FileNotFoundError, ValueError: if a file is missing or damaged; says how to get it.
    """
    from clipface.edit.attributes import shipped_generator
    from clipface.edit.loading import load_editor
    from clipface.edit.persons.sources import subjects
    from clipface.view.camera.webcam import Cameras
    from clipface.view.child import Children
    from clipface.view.edits.library import Library
    from clipface.view.edits.training import TrainingJobs
    from clipface.view.engine import Engine
    from clipface.view.persons.fitting import FittingJobs
    from clipface.view.persons.store import Persons
    from clipface.view.services import Services

    avatar = load_editor(generator=options.generator, head=options.head, device=options.device).avatar
    library = Library(options.runs, avatar, looks=options.generator is None and shipped_generator())
    overrides = [f"head={options.head}"]
    overrides += ["trainer=gpu"] if avatar.head.v_template.is_cuda else []
    overrides += [f"generator={quoted(str(options.generator.resolve()))}"] if options.generator else []
    training = TrainingJobs(library, [*overrides, *options.train])
    people = [some.codes for some in subjects(faces_config(options, None), avatar, PSI, 1)]
    children, loopback = Children(), server.is_loopback(options.host)
    cameras = Cameras(options.camera, options.head, avatar.head.v_template.device, loopback)
    persons = Persons(options.keep / "persons", avatar, private=not loopback)
    given = ["--generator", str(options.generator.resolve())] if options.generator else []
    given += ["--head", options.head, "--texture-size", str(options.texture_size)]
    fitting, engine = FittingJobs(children, persons, given), Engine(avatar, library, people, persons.codes)
    return Services(engine, training, persons, children, fitting, cameras, options.head, known_prompts())


def serve(options: argparse.Namespace) -> tuple[Any, "Services", str]:
    """Start the editor.

    Returns:
        viser's server, what all tabs share, and the address to open.

    Raises:
        ImportError: if viser is missing.
        FileNotFoundError, ValueError: if an option does not fit, or a file is missing.
    """
    server.load_viser()
    loopback = server.is_loopback(options.host)
    token = options.share_token or (None if loopback else secrets.token_urlsafe(18))
    gate = TokenAuth(token, loopback)
    server.check_free(options.host, options.port)
    services = build(options)
    from clipface.view.pages import Pages
    from clipface.view.session.sessions import Sessions

    services.sessions, services.entrance = Sessions(options.keep / "sessions"), gate.entrance()
    pages = Pages(services)
    services.end_pages = pages.end
    running = server.start(options.host, options.port, gate, pages.open, pages.begin, services.workers)
    running.on_client_disconnect(pages.close)
    shown = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host
    shown = f"[{shown}]" if ":" in shown else shown
    return running, services, f"http://{shown}:{running.get_port()}{gate.entrance()}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the editor and wait for Ctrl-C."""
    options = parse(arguments)
    startup.share_memory()  # each tab has threads of its own
    startup.announce("Start the editor: load the head and the generator, then wait for a browser")
    try:
        running, services, address = serve(options)
    except (ImportError, FileNotFoundError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(f"Open {address}   (Ctrl-C ends the editor)", flush=True)
    if not server.is_loopback(options.host):
        print("Other machines use this one's name or address in its place; keep the token to yourself.", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a polite kill cleans up too
    try:
        while True:
            time.sleep(SIGNALS_EVERY)
    except KeyboardInterrupt:
        print("\nbye")
    finally:
        _end(running, services)


def _end(running: Any, services: "Services") -> None:
    """End all that works for tabs; a second signal does not wait for it."""
    signals = signal.SIGINT, signal.SIGTERM
    for number in signals:
        signal.signal(number, signal.SIG_IGN)  # child processes come first
    services.close()
    for number in signals:
        signal.signal(number, signal.SIG_DFL)
    services.end_pages()
    if not server.stop(running, services.workers):
        sys.stdout.flush()
        os._exit(0)  # Python's own end would abort threads that are in PyTorch's code


if __name__ == "__main__":
    main()
