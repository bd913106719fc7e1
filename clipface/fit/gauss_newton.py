"""The lowest loss of a landmark objective, by damped Gauss-Newton steps within limits."""

import torch
from torch import Tensor

from clipface.fit.landmark_objective import LandmarkObjective
from clipface.fit.priors import FitParameters

STEPS = 12  # with which losses come within a thousandth of the lowest
DAMPING = 0.1  # share of the curvature's diagonal that is added to it at the first step
EASED, TIGHTENED = 0.4, 8.0  # factors of it after a step that lowered the loss, and after one that did not
NUDGE = 1e-4  # against the gradient, by which a parameter at its limit shows whether it wants beyond
TURNS, TURN = 15, 0.01  # pose, gaze and camera, the last parameters, and the step of their differences


def minimise(
    objective: LandmarkObjective, parameters: FitParameters, steps: int = STEPS, identity: bool = True
) -> FitParameters:
    """Find a minimum of the objective's loss.

    A step solves for the change of all parameters at once: the images' own ones are eliminated first, which leaves a
    small system for each person (Schur complement). A step that does not lower a person's loss is not taken, and the
    next one is shorter. Parameters at a limit stay there while the gradient pushes beyond it.

    Args:
        objective: gives losses and limits.
        parameters: start values; those of `objective.initial()` have the right camera.
        steps: how many are tried.
        identity: whether identities may change; otherwise every image is fitted by itself.

    Returns:
        The parameters found, without gradient. Those of one person do not depend on others in the batch.
    """
    shape, own = parameters.shape.detach(), torch.cat([_columns(part) for part in parameters[1:]], 1).detach()
    one = objective.identity_of if identity else torch.arange(len(own), device=own.device)
    prior = _prior_curvature(objective, shape[:1], own[:1])
    damping = own.new_full((int(one.max()) + 1,), DAMPING)

    def losses(shape: Tensor, own: Tensor) -> Tensor:
        return own.new_zeros(len(damping)).index_add(0, one, objective.loss(_parted(shape, own)))

    with torch.no_grad():
        loss = losses(shape, own)
        for _ in range(steps):
            if identity:
                changes = _changes(objective, shape, own, prior, damping)
            else:
                changes = torch.zeros_like(shape), _own_change(objective, shape, own, prior, damping)
            tried_shape, tried = shape + changes[0], own + changes[1]
            objective.clamp(_parted(tried_shape, tried))
            after = losses(tried_shape, tried)
            lower = after < loss
            loss, damping = torch.where(lower, after, loss), damping * torch.where(lower, EASED, TIGHTENED)
            own = torch.where(lower[one, None], tried, own)
            if identity:
                shape = torch.where(lower[:, None], tried_shape, shape)
    return _parted(shape, own)


def _changes(
    objective: LandmarkObjective, shape: Tensor, own: Tensor, prior: Tensor, damping: Tensor
) -> tuple[Tensor, Tensor]:
    """A step of the identities [G, S] and of the images' own parameters [B, R]."""
    person, n = objective.identity_of, shape.shape[1]
    slope, slopes, free = _gradient(objective, shape, own)
    curvature = _data_curvature(objective, shape[person], own)
    within = _damped(curvature[:, n:, n:] + prior[n:, n:], damping[person], free)
    across = curvature[:, :n, n:] * free[:, None]
    solved = torch.linalg.solve(within, torch.cat([across.mT, (free * slopes)[..., None]], 2))  # [B, R, S + 1]

    def of_people(values: Tensor) -> Tensor:
        return values.new_zeros(len(shape), *values.shape[1:]).index_add(0, person, values)

    explained = of_people(across @ solved)
    system = _damped(of_people(curvature[:, :n, :n]) + prior[:n, :n], damping, torch.ones_like(shape))
    change = -torch.linalg.solve(system - explained[..., :n], slope - explained[..., n])
    return change, -(solved[..., n] + (solved[..., :n] @ change[person, :, None])[..., 0])


def _own_change(objective: LandmarkObjective, shape: Tensor, own: Tensor, prior: Tensor, damping: Tensor) -> Tensor:
    """A step of the images' own parameters [B, R] alone."""
    n = shape.shape[1]
    _, slopes, free = _gradient(objective, shape, own)
    curvature = _data_curvature(objective, shape[objective.identity_of], own, n)
    return -torch.linalg.solve(_damped(curvature + prior[n:, n:], damping, free), free * slopes)


def _damped(curvature: Tensor, damping: Tensor, free: Tensor) -> Tensor:
    """Curvatures [B, n, n] with a share of their diagonal added, and those that are not free taken out."""
    diagonal = curvature.diagonal(dim1=1, dim2=2)
    kept = free[:, :, None] * free[:, None]
    return curvature * kept + torch.diag_embed(damping[:, None] * diagonal * free + 1 - free)


@torch.enable_grad()
def _gradient(objective: LandmarkObjective, shape: Tensor, own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients [G, S] and [B, R], and [B, R] 1 where a parameter does not press against its limit."""
    leaves = shape.clone().requires_grad_(), own.clone().requires_grad_()
    slope, slopes = torch.autograd.grad(objective.loss(_parted(*leaves)).sum(), leaves)
    nudged = own - NUDGE * slopes.sign()
    objective.clamp(_parted(shape, nudged))
    return slope, slopes, (nudged != own).to(own)


def _data_curvature(objective: LandmarkObjective, shape: Tensor, own: Tensor, first: int = 0) -> Tensor:
    """Gauss-Newton's second derivatives of the data's loss [B, n, n], by parameters from number `first` on.

    By differences where places are not linear in a parameter, which is near enough: they decide how far a step goes,
    not where it ends.
    """
    s, batch = objective.settings, len(own)
    unit = objective.eye_distance * s.sigma
    chosen, here, linear = objective.linearised(_parted(shape, own))
    steps = TURN * torch.eye(TURNS).to(own)
    moved = torch.cat([own[:, :-TURNS].expand(TURNS, -1, -1), own[:, -TURNS:] + steps[:, None]], 2).flatten(0, 1)
    heads = _parted(shape.repeat(TURNS, 1), moved)
    turned = (objective.placed(heads, chosen.repeat(TURNS, 1)).unflatten(0, (-1, batch)) - here) / TURN
    rows = torch.cat([linear[..., first:], turned.permute(1, 2, 3, 0)], 3) / unit[:, None, None, None]  # [B, N, 2, n]
    # Of the Charbonnier loss: quadratic with the weight that the present error has.
    away = (here - objective.targets).square().sum(-1) / unit[:, None] ** 2
    weights = 2 * s.trust * objective.weights / (1 + away).sqrt()
    rows = (rows * weights.sqrt()[..., None, None]).flatten(1, 2)
    return rows.mT @ rows


@torch.enable_grad()
def _prior_curvature(objective: LandmarkObjective, shape: Tensor, own: Tensor) -> Tensor:
    """Second derivatives [n, n] of the prior's loss of one person's one image, the same everywhere: it is quadratic."""
    count = shape.shape[1]
    values = torch.cat([shape, own], 1)
    values = torch.cat([values, values + torch.eye(values.shape[1]).to(values)]).requires_grad_()
    alone = torch.arange(len(values), device=values.device)
    loss = objective.prior.loss(_parted(values[:, :count], values[:, count:]), alone).sum()
    (slopes,) = torch.autograd.grad(loss, [values])
    return slopes[1:] - slopes[:1]


def _columns(part: Tensor) -> Tensor:
    return part[:, None] if part.ndim == 1 else part


def _parted(shape: Tensor, own: Tensor) -> FitParameters:
    """Identities and the images' own parameters [B, E' + TURNS] as `FitParameters`, views of them."""
    expression, pose, eyes, log_scale, place = own.split([own.shape[1] - TURNS, 6, 6, 1, 2], 1)
    return FitParameters(shape, expression, pose, eyes, log_scale[:, 0], place)
