"""Several processes, one run: each computes its rows of every batch, gradients are averaged.

Started by torchrun (`torchrun --nproc-per-node 2 -m vocoder train …`); without it everything here is the
run of one process. All hold the same weights: they begin alike, and every step changes them alike. The first
process alone writes.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from vocoder.errors import ConfigError
from vocoder.noise import MAX_SEED

PATIENCE = timedelta(hours=1)
"""Of those who are done with their part, with one who still evaluates, listens or writes."""
PREPARATION = timedelta(days=7)
"""The longest that the first process may do something before the others."""


class Share(NamedTuple):
    """Which of several processes this one is."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def rows(self, batch: int) -> range:
        """Those of a batch that this process works on.

        Raises:
            ConfigError: a batch that cannot be divided evenly.
        """
        if batch % self.world:
            raise ConfigError(
                f"segments.batch: {batch} segments cannot be divided evenly among {self.world} processes; "
                f"give a multiple of {self.world}"
            )
        size = batch // self.world
        return range(self.rank * size, (self.rank + 1) * size)


def share() -> Share:
    """This process's, of those that have joined; alone it has everything."""
    return Share(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else Share()


@contextmanager
def joined(device: str = "cpu") -> Iterator[Share]:
    """One of several processes for as long as this lasts, if torchrun started it; over NCCL or gloo."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield share()
        return
    store, rank, world = next(rendezvous("env://"))
    backend = "nccl" if torch.device(device).type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=PATIENCE)
    try:
        yield share()
        _leave_together(store)
    finally:
        dist.destroy_process_group()


def _leave_together(store: Any) -> None:
    """Wait until nobody is in an exchange: who is yet to notice its end takes a closed line for a loss."""
    store.set(f"leaving/{share().rank}", "")
    with suppress(dist.DistStoreError):  # they may take longer, and go without this one
        store.wait([f"leaving/{rank}" for rank in range(share().world)], PATIENCE)


def own_device(name: str) -> str:
    """Where one of several processes computes: `cuda` is the GPU of its number on the machine."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if name == "cuda" and share().world > 1 else name


@contextmanager
def first_alone() -> Iterator[None]:
    """The first process does this before the others do: they find what it left on the disk.

    They wait in a group of its own, as long as `PREPARATION`.
    """
    if share().world == 1:
        yield
        return
    waiting = dist.new_group(timeout=PREPARATION, backend="gloo")
    if not share().first:
        dist.barrier(waiting)
    yield
    if share().first:
        dist.barrier(waiting)


def step_generator(seed: int, step: int, device: torch.device | str = "cpu") -> torch.Generator:
    """The randomness of a step, other than the batch's, in this process, drawn where the loss is computed."""
    number = seed * 1_000_003 + step + share().rank * 7_368_787_241
    return torch.Generator(device).manual_seed(number % MAX_SEED)


def any_of_all(value: bool, device: torch.device) -> bool:
    """Whether it is true in any of the processes: what one decides all do."""
    return value if share().world == 1 else bool(greatest_of_all(value, device))


def greatest_of_all(value: float, device: torch.device) -> float:
    """The greatest of what the processes have, the same for all."""
    if share().world == 1:
        return value
    held = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(held, dist.ReduceOp.MAX)
    return held.item()


@torch.no_grad()
def average(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its mean over the processes, in one exchange."""
    if (world := share().world) == 1:
        return
    held = list(tensors)
    flat = torch.cat([tensor.reshape(-1).float() for tensor in held])
    dist.all_reduce(flat)
    flat /= world
    for tensor, part in zip(held, flat.split([t.numel() for t in held]), strict=True):
        tensor.copy_(part.view_as(tensor))


def average_terms(terms: dict[str, float], device: torch.device) -> dict[str, float]:
    """The terms of a loss as one process with the whole batch would have them."""
    values: Any = torch.tensor(list(terms.values()), dtype=torch.float32, device=device)
    if share().world == 1:
        return terms
    average([values])
    return dict(zip(terms, values.tolist(), strict=True))


@torch.no_grad()
def begin_alike(tensors: Iterable[Tensor]) -> None:
    """Give all processes the first one's values."""
    if share().world > 1:
        for tensor in tensors:
            dist.broadcast(tensor, 0)
