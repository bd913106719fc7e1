"""What is measured of an edit, on the same faces and views for every edit."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.mapper import Codes
from clipface.evaluation.edits.edited import TOGETHER, Edit
from clipface.evaluation.edits.protocol import Protocol
from clipface.evaluation.faces import image_landmarks
from clipface.evaluation.people.traits import TraitReader, trait_changes
from clipface.guidance import Encoder
from clipface.metrics import Distances, scores
from clipface.metrics.identity import FaceEmbedder, identity_kept
from clipface.render.camera import view

REGIONS = ("forehead", "brows", "eye_region", "nose", "lips", "face")
BATCH = 32  # images that a network encodes at once
Numbers = dict[str, float | None]


class Measurement(NamedTuple):
    """One edit's faces as every measure needs them."""

    name: str
    target: str
    features: dict[str, Tensor]  # of the images by encoder, [B, views, D]
    numbers: Numbers  # what needs no other edit


class Measures:
    """Measures edits of the same faces, and compares each with the originals.

    Args:
        avatar: renders, on the device of all computation.
        protocol: views and sizes.
        encoders: that score, by name.
        original: the faces before any edit.
        distances: of images, or None: FID and KID are not measured.
        embedder: of faces, or None: whether people stay recognisable is not measured.
        reader: of traits, or None: what independent networks say of expression and age is not measured.
    """

    def __init__(
        self,
        avatar: Avatar,
        protocol: Protocol,
        encoders: Mapping[str, Encoder],
        original: Edit,
        distances: Distances | None,
        embedder: FaceEmbedder | None,
        reader: TraitReader | None = None,
    ) -> None:
        self.avatar, self.protocol, self.encoders = avatar, protocol, dict(encoders)
        self.distances, self.embedder, self.reader = distances, embedder, reader
        self.regions = {name: mask for name, mask in avatar.head.regions.items() if name in REGIONS}
        self.vertices = avatar.vertices(original.codes)
        images = self.render(original.texture, original.codes)
        self.features = self._features(images)
        front = self._front(images, self.vertices)
        self.people = embedder(*front) if embedder else None
        self.traits = reader(*front) if reader else None
        if distances is not None:
            self._add(images, real=True)

    @torch.no_grad()
    def render(self, texture: Tensor, codes: Codes) -> Tensor:
        """Render every view of every face: [B, views, 3, S, S] in 0..1."""
        images = []
        for start in range(0, len(texture), TOGETHER):
            rows = slice(start, start + TOGETHER)
            part = codes.rows(rows)
            camera = self._cameras(len(part.shape))
            images.append(self.avatar.views(texture[rows], part, camera, self.protocol.image_size))
        return torch.cat(images).unflatten(0, (-1, len(self.protocol.yaws)))

    @torch.no_grad()
    def look(self, edit: Edit) -> Measurement:
        """Measure what needs no other edit."""
        vertices = self.avatar.vertices(edit.codes)
        images = self.render(edit.texture, edit.codes)
        prompt = edit.notes["prompt"]
        landmarks = (self.avatar.head.landmarks(x) for x in (self.vertices, vertices))
        signs = scores.expression_signs(*landmarks)
        moved = scores.region_movement(self.vertices, vertices, self.regions)
        numbers: Numbers = {"intended": scores.intended_share(signs, prompt["name"])}
        numbers |= {f"mm {name}": value for name, value in moved.items()}
        numbers |= {f"mm {name}": 1000 * sign.mean().item() for name, sign in signs.items()}
        numbers |= {f"share {name}": value for name, value in scores.shares(signs).items()}
        if self.distances is not None:
            self._add(images, real=False)
            numbers |= self.distances.compute()
        if self.embedder is not None:
            kept = identity_kept(self.people, self.embedder(*self._front(images, vertices)))
            numbers |= {f"identity {name}": value for name, value in kept.items()}
        if self.reader is not None:
            numbers |= trait_changes(self.traits, self.reader(*self._front(images, vertices)), prompt["name"])
        numbers["seconds a prompt"] = edit.notes.get("training", {}).get("seconds")
        numbers["seconds a face"] = edit.seconds
        return Measurement(edit.name, prompt["target"], self._features(images), numbers)

    @torch.no_grad()
    def compare(
        self, measured: Sequence[Measurement], sources: Sequence[str], others: Sequence[str] = ()
    ) -> tuple[list[Numbers], list[str], dict[str, Tensor]]:
        """Measure what the words say, and which prompt every edited face is nearest to.

        Args:
            measured: the edits.
            sources: each one's words for a face before the edit.
            others: prompts that nobody edited for, which an edited face may be nearer to.

        Returns:
            All numbers of each edit, the prompts without repetition, and two retrieval matrices [edits, prompts]: the
            share of the faces (mean of views and encoders) that are nearest to each prompt ("look"), and of those whose
            change by the edit is nearest to what each prompt asks to change ("change"). Words that name rare looks are
            far from every face, so that another look's words are often nearer even to a face that became such.
        """
        prompts = list(dict.fromkeys([*(one.target for one in measured), *others]))
        # By encoder: [E, B, V, P], [B, V, P], [E, B, V, P]
        after, before, directional = [], [], []
        for name, encoder in self.encoders.items():
            words = encoder.encode_text(prompts)
            known = {source: encoder.encode_text([source])[0] for source in dict.fromkeys(sources)}
            after.append(torch.stack([one.features[name] @ words.T for one in measured]))
            before.append(self.features[name] @ words.T)
            parts = zip(measured, (known[source] for source in sources), strict=True)
            directional.append(torch.stack([self._directional(name, one, words, source) for one, source in parts]))
        scored = {"look": after, "change": directional}
        matrices = {by: scores.retrieval(torch.stack(parts).mean(0).mean(2)) for by, parts in scored.items()}
        rows = []
        for i, one in enumerate(measured):
            own = prompts.index(one.target)
            cosines = torch.stack([part[i, ..., own] for part in after])
            rows.append({
                "before": torch.stack([part[..., own] for part in before]).mean().item(),
                "score": cosines.mean().item(),
                "deviation": cosines.mean(0).std(correction=0).item(),
                **{f"score {name}": part.mean().item() for name, part in zip(self.encoders, cosines, strict=True)},
                "directional": torch.stack([part[i, ..., own] for part in directional]).mean().item(),
                "own prompt nearest": matrices["look"][i, own].item(),
                "own change nearest": matrices["change"][i, own].item(),
                **one.numbers,
            })  # fmt: skip
        return rows, prompts, matrices

    def _directional(self, name: str, one: Measurement, words: Tensor, source: Tensor) -> Tensor:
        """[B, V, P] of P prompts' words [P, D]."""
        edited, original = (part[name].flatten(0, 1) for part in (one.features, self.features))
        found = [scores.directional_similarity(edited, original, target, source) for target in words]
        return torch.stack(found, 1).unflatten(0, one.features[name].shape[:2])

    def _cameras(self, faces: int) -> Tensor:
        yaws = torch.tensor(self.protocol.yaws)
        return view(yaws, torch.zeros_like(yaws), FRONT_SCALE).repeat(faces, 1, 1).to(self.avatar.head.v_template)

    def _features(self, images: Tensor) -> dict[str, Tensor]:
        flat = images.flatten(0, 1).split(BATCH)
        return {
            name: torch.cat([encoder.encode_image(part) for part in flat]).unflatten(0, images.shape[:2])
            for name, encoder in self.encoders.items()
        }

    def _add(self, images: Tensor, real: bool) -> None:
        for part in images.flatten(0, 1).split(BATCH):
            self.distances.add(part * 2 - 1, real)

    def _front(self, images: Tensor, vertices: Tensor) -> tuple[Tensor, Tensor]:
        """The view nearest to the front [B, 3, S, S], and the 68 landmarks in it [B, 68, 2]."""
        front = min(range(len(self.protocol.yaws)), key=lambda i: abs(self.protocol.yaws[i]))
        camera = self._cameras(1)[front : front + 1]
        points = image_landmarks(self.avatar.head, vertices, camera, self.protocol.image_size)
        return images[:, front], points
