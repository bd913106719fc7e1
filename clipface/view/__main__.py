"""Edit faces in the browser: a textured head to turn, prompts, expressions, export.

  python -m clipface.view                               at http://127.0.0.1:8080, with the mappers under runs/
  python -m clipface.view --runs my_runs --port 9000    other trained mappers, another port
  python -m clipface.view --host 0.0.0.0                for other machines too: the address that it prints holds a
                                                        token, without which nobody gets in

Prompts that are trained (by trainer.mapper, or with the button of the page) are applied at once. Ctrl-C ends it.
"""

import argparse
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

# Read when PyTorch is first imported: idle OpenMP threads would spin on the cores that the renderer needs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# isort: split
import torch
import yaml

from clipface import assets
from clipface.edit.avatar import Avatar
from clipface.head import load_head
from clipface.render import Renderer
from clipface.texture.generator import TextureGenerator
from clipface.view.channel import Channels
from clipface.view.engine import Engine
from clipface.view.head_glb import HeadGlb
from clipface.view.library import Library
from clipface.view.page import Page, Services
from clipface.view.server import start as server
from clipface.view.server.sessions import Sessions
from clipface.view.server.token_auth import TokenAuth
from clipface.view.training import TrainingJobs


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        "python -m clipface.view", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; for any but this machine's own a token is made")
    add("--port", type=int, default=8080, help="0: any free one")
    add("--share-token", help="token of your own, 8 to 64 letters, digits, - or _; wanted on this machine too then")
    add("--runs", type=Path, default=Path("runs"), help="folder of trained mappers; new ones are trained into it")
    add("--generator", type=Path, help="weights of the texture generator (left out: those that come with the project)")
    add("--head", default="open", choices=("open", "flame"))
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--train", nargs="*", default=[], metavar="KEY=VALUE", help="overrides of trainer.mapper for new prompts")
    return parser.parse_args(arguments)


def load_avatar(generator: Path | None, head: str, device: str) -> Avatar:
    """Load generator, head and renderer.

    Raises:
        FileNotFoundError, ValueError: if a file is missing or damaged; says how to get it.
    """
    model = load_head(head)
    renderer = Renderer(model.faces, model.uv, model.uv_faces)
    return Avatar(TextureGenerator.from_weights(generator or assets.resolve("generator")), model, renderer).to(device)


def known_prompts() -> dict[str, str]:
    """Names and words of configs/prompt."""
    read = {}
    for file in sorted((files("configs") / "prompt").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            values = yaml.safe_load(file.read_text())
            if "target" in values:
                read[values["name"]] = values["target"]
    return read


def build(options: argparse.Namespace) -> Services:
    """Load what all tabs share.

    Raises:
        FileNotFoundError, ValueError: from `load_avatar`.
    """
    avatar = load_avatar(options.generator, options.head, options.device)
    library = Library(options.runs, avatar.generator.levels, looks=options.generator is None)
    overrides = [f"head={options.head}"]
    overrides += ["trainer=gpu"] if torch.device(options.device).type == "cuda" else []
    overrides += [f"generator={options.generator.resolve()}"] if options.generator else []
    training = TrainingJobs(library, [*overrides, *options.train])
    return Services(Engine(avatar, library), HeadGlb(avatar.head), Channels(), training, known_prompts())


def serve(options: argparse.Namespace) -> tuple[Any, Services, str]:
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
    services, sessions = build(options), Sessions()
    pages: dict[int, Page] = {}
    lock = threading.Lock()

    def open_page(client: Any, name: str) -> None:
        page = Page(client, sessions.connect(name), services)
        with lock:
            pages[client.client_id] = page
        if client.client_id not in running.get_clients():  # gone before its page was there
            close_page(client)

    def close_page(client: Any) -> None:
        with lock:
            page = pages.pop(client.client_id, None)
        if page is not None:
            page.close()
            sessions.disconnect(page.session)

    running = server.start(options.host, options.port, gate, services.channels, open_page)
    running.on_client_disconnect(close_page)
    shown = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host
    shown = f"[{shown}]" if ":" in shown else shown
    return running, services, f"http://{shown}:{running.get_port()}{gate.entrance()}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the editor and wait for Ctrl-C."""
    options = parse(arguments)
    try:
        running, services, address = serve(options)
    except (ImportError, FileNotFoundError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(f"Open {address}   (Ctrl-C ends the editor)", flush=True)
    if not server.is_loopback(options.host):
        print("Other machines use this one's name or address in its place; keep the token to yourself.", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a polite kill cleans up too
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nbye")
    finally:
        services.training.close()
        running.stop()


if __name__ == "__main__":
    main()
