"""The processes of a training, as torchrun or accelerate started them; one alone without either."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
WAIT = timedelta(hours=6)
"""A process may wait so long for others: for a judge that is away, or an evaluation."""


@dataclass(frozen=True)
class Processes:
    rank: int
    count: int
    device: torch.device

    @classmethod
    def join(cls) -> Processes:
        """Those that this process belongs to."""
        import torch
        from accelerate import PartialState

        state = PartialState(cpu=not torch.cuda.is_available(), timeout=WAIT)
        return cls(state.process_index, state.num_processes, state.device)

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        from accelerate import PartialState

        PartialState().wait_for_everyone()

    def gathered(self, values: list[T]) -> list[T]:
        """The values of all, those of the first process first."""
        from accelerate.utils import gather_object

        result: list[T] = gather_object(values)
        return result

    def sum_gradients(self, parameters: Iterable[Any]) -> None:
        """Replace the gradients of each process by their sum; where there is none, it is 0.

        One flat tensor: an adapter is small, and nothing hangs where one process has no valid pair.
        """
        import torch
        from accelerate.utils import reduce

        parameters = list(parameters)
        for p in parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        if self.count == 1:
            return
        flat = reduce(torch.cat([p.grad.flatten() for p in parameters]), reduction="sum")
        for p, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            p.grad.copy_(part.view_as(p))
