"""Timing, and figures with their goals."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tests.people import Company, make_company

REPEATS = 5


@dataclass(frozen=True)
class Figure:
    """One measured value and what it has to reach."""

    name: str
    value: float
    unit: str
    sign: str  # "<=" or ">="
    goal: float

    @property
    def reached(self) -> bool:
        return self.value <= self.goal if self.sign == "<=" else self.value >= self.goal

    def __str__(self) -> str:
        missed = "" if self.reached else " MISSED"
        return f"{self.name}: {self.value:.3g} {self.unit} (goal {self.sign} {self.goal:g}){missed}"


def figures(*names: str) -> Callable:
    """Say which figures a benchmark gives, so that one can be asked for by name."""

    def mark(function: Callable) -> Callable:
        function.figures = names
        return function

    return mark


def best(
    work: Callable[[], object], *, prepare: Callable[[], object] = lambda: None, times: int = REPEATS
) -> float:
    """The shortest of several runs in seconds; `prepare` is not timed."""
    shortest = float("inf")
    for _ in range(times):
        prepare()
        began = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - began)
    return shortest


@cache
def the_company() -> Company:
    """The one company that benchmarks work in."""
    return make_company()
