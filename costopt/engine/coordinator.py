"""The one loop over candidates, of searches and comparisons: numbers, records, race, time, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from costopt.engine.executors import Executor, Threads
from costopt.engine.race import Race
from costopt.engine.records import Record, key_of
from costopt.errors import warn
from costopt.evaluation.candidates import Candidate, OutOfFold
from costopt.evaluation.problem import Problem
from costopt.progress import is_shown

if TYPE_CHECKING:
    from costopt.engine.store import Store

__all__ = ["Coordinator", "OutOfTime"]

# Scores row by row are kept of all candidates while they are no more than so many numbers, and
# beyond that of those of lowest log loss: an average is of these only.
KEPT_NUMBERS = 8_000_000
KEPT = 8
# Seconds between two looks at a store whose trials are all being evaluated by others.
LOOK = 0.2


class OutOfTime(Exception):
    """The time is up: an event rather than an error."""


class Coordinator:
    """Has candidates of a problem evaluated, one number after the other, and keeps what came of them.

    Parameters
    ----------
    problem : Problem
    racing : bool, default=False
        Whether `is_lost` stops those early that cost significantly more than the best.
    executor : Executor, optional
        In this process where None.
    always_kept : collection of Candidate, default=()
        Whose scores are kept however many there are.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        racing: bool = False,
        executor: Executor | None = None,
        always_kept: Collection[Candidate] = (),
    ) -> None:
        self.problem = problem
        self.records: dict[str, Record] = {}
        # why candidates came to nothing, by their number
        self.reasons: dict[int, str] = {}
        # whether something was completed, which is always waited for
        self.has_result = False
        self._race = Race(problem) if racing else None
        self._executor = Threads(problem) if executor is None else executor
        self._always_kept = always_kept
        self._deadline = math.inf
        self._stopped = False
        self._bar: Any = None

    def run(
        self,
        attempt: Callable[[int, Any], bool],
        n: int,
        unit: str,
        *,
        timeout: float | None = None,
        progress: bool | None = None,
        store: Store | None = None,
    ) -> None:
        """Attempt numbers from 0 to ``n`` until all are done, or somebody or something stops it.

        Parameters
        ----------
        attempt : callable
            Gets a number, and its trial where the store has it already; False ends the loop.
        n : int
        unit : str
            What they are numbers of, in words.
        timeout : float, optional
            Seconds after which `check_time` raises `OutOfTime`.
        progress : bool, optional
            Show a progress bar; on terminals only where None.
        store : Store, optional
            Shared with whoever else works on the same numbers.

        Warns
        -----
        CostOptWarning
            ``interrupted``, where Ctrl-C ended it and something was completed.
        """
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout
        hidden = not is_shown(progress=progress)
        number = 0
        with tqdm(total=n, desc=unit + "s", disable=hidden, leave=False) as bar:
            self._bar = bar
            try:
                for number, known in self._turns(n, store):
                    if not attempt(number, known):
                        break
                    bar.update()
            except KeyboardInterrupt:
                if not self.has_result:  # nothing to keep yet
                    raise
                warn(
                    "interrupted",
                    f"stopped in {unit} {number} of {n}: the result is of those completed",
                )
            finally:
                self._bar, self._deadline = None, math.inf

    def _turns(self, n: int, store: Store | None) -> Iterator[tuple[int, Any]]:
        """Numbers in turn, each with its trial if that is there already."""
        if store is None:
            for number in range(n):
                if self._stopped:
                    return
                yield number, None
            return
        done = 0
        while done < n and not self._stopped:
            turn = store.next_trial(n, claim=not self.is_late())
            if turn is not None:
                done += 1
                yield turn
            elif self.is_late():
                return
            else:
                time.sleep(LOOK)

    def stop(self) -> None:
        """End the loop after the number that it is at."""
        self._stopped = True

    def is_late(self) -> bool:
        """Whether the time is up; the first result is always waited for."""
        return self.has_result and time.monotonic() >= self._deadline

    def check_time(self) -> None:
        """Raise `OutOfTime` if the time is up."""
        if self.is_late():
            raise OutOfTime

    def show(self, told: str) -> None:
        """Say something beside the progress bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(told)

    def evaluate(
        self, candidate: Candidate, stop_early: Callable[[OutOfFold], bool] | None = None
    ) -> OutOfFold:
        """Have a candidate evaluated, whether or not it was before.

        Raises
        ------
        OutOfTime
            In the middle of it, if the time of `run` is up.
        """
        return self._executor.evaluate(candidate, stop_early=stop_early, checkpoint=self.check_time)

    def is_lost(self, found: OutOfFold) -> bool:
        """Whether, in a race, a candidate need not be evaluated on further folds."""
        return self._race is not None and self._race.is_lost(found)

    def record(self, candidate: Candidate) -> Record:
        """What is kept of a candidate, which is evaluated if it was not before."""
        known = self.records.get(key_of(candidate))
        return self.keep(self.evaluate(candidate)) if known is None else known

    def keep(self, found: OutOfFold) -> Record:
        """Keep what is wanted later of a candidate that was evaluated on all folds."""
        record = Record.of(self.problem, found)
        self.records[key_of(found.candidate)] = record
        self._forget_scores()
        if self._race is not None:
            self._race.enter(found)
        return record

    def _forget_scores(self) -> None:
        """Keep the scores of as many candidates as there is room for, the best by log loss."""
        room = max(KEPT, KEPT_NUMBERS // self.problem.scored.rows.size)
        if len(self.records) <= room:
            return
        kept = [
            (key, record)
            for key, record in self.records.items()
            if record.log_odds is not None and record.found.candidate not in self._always_kept
        ]
        for key, record in sorted(kept, key=lambda one: one[1].found.log_loss)[room:]:
            self.records[key] = replace(record, log_odds=None)
