"""Telling the operator what happens: live lines on a terminal, one plain line an event elsewhere."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Progress:
    """One line for every event, written to `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.asked = False  # whether someone waits to be told how much is left

    def say(self, line: str) -> None:
        """Write one line."""
        self.stream.write(f"{line}\n")
        self.stream.flush()

    def started(self, job_name: str, reason: str) -> None:
        """A job begins; `reason` says why it is not up to date."""
        self.say(f"{job_name}: started ({reason})")

    def done(self, job_name: str, seconds: float) -> None:
        """A job has succeeded after so many seconds."""
        self.say(f"{job_name}: done in {seconds:.1f} s")

    def failed(self, job_name: str, why: str) -> None:
        """A job has failed; `why` may have several lines."""
        self.say(f"{job_name}: failed\n" + "\n".join(f"    {line}" for line in why.split("\n")))

    def left(self, line: str) -> None:
        """How much is left, which changes all the time: written only if someone `asked`."""
        if self.asked:
            self.asked = False
            self.say(line)

    def close(self) -> None:
        """Nothing more is running."""


class LiveProgress(Progress):
    """As :class:`Progress`, with a line that counts the seconds for every running job below the events."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.bars: Bars | None = None
        self.running: dict[str, TaskID] = {}
        self.line_left: TaskID | None = None

    def say(self, line: str) -> None:
        """Write one line above the running ones."""
        if self.bars is None:
            super().say(line)
        else:
            self.bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def started(self, job_name: str, reason: str) -> None:
        """Show a job as running."""
        if self.bars is None:
            self.bars = _bars(self.stream)
            self.bars.start()
        self.running[job_name] = self.bars.add_task(f"{job_name} ({reason})", total=None)

    def done(self, job_name: str, seconds: float) -> None:
        """Take a job from the running ones."""
        self._remove(job_name)
        super().done(job_name, seconds)

    def failed(self, job_name: str, why: str) -> None:
        """Take a job from the running ones."""
        self._remove(job_name)
        super().failed(job_name, why)

    def left(self, line: str) -> None:
        """Replace the line that says how much is left."""
        super().left(line)
        if self.bars is None:
            return
        if self.line_left is None:
            self.line_left = self.bars.add_task(line, total=None)
        self.bars.update(self.line_left, description=line)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self.bars is not None:
            self.bars.stop()
            self.bars = self.line_left = None

    def _remove(self, job_name: str) -> None:
        if self.bars is not None and job_name in self.running:
            self.bars.remove_task(self.running.pop(job_name))


def make_progress(stream: TextIO = sys.stdout) -> Progress:
    """The kind of progress that fits `stream`."""
    return LiveProgress(stream) if stream.isatty() else Progress(stream)


@contextlib.contextmanager
def told_when_asked(progress: Progress) -> Iterator[None]:
    """In this block the signal USR1, where there is such a signal, asks for a line on how much is left."""
    if not hasattr(signal, "SIGUSR1"):
        yield
        return
    # The handler only notes it: writing here could fall into the middle of another line.
    previous = signal.signal(signal.SIGUSR1, lambda *_: setattr(progress, "asked", True))
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, previous)


def _bars(stream: TextIO) -> Bars:
    from rich.console import Console  # here because nothing running needs no lines
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    return Bars(*columns, console=Console(file=stream), transient=True)
