"""What a run has measured: its metrics.jsonl."""
from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional, Union

from ._program import PathLike, RecurError

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Epoch:
    """One finished epoch."""

    #: From 0.
    epoch: int
    #: Steps of the optimizer since the run began.
    step: int
    train_loss: Optional[float]
    #: By part and name: metrics["validation"]["loss"].
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: The line as it stands in metrics.jsonl.
    line: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(line: Mapping[str, Any]) -> "Epoch":
        parts = {name: value for name, value in line.items() if isinstance(value, dict)}
        return Epoch(line["epoch"], line["step"], line.get("train_loss"), parts, line)


def epoch_of(text: bytes) -> Optional[Epoch]:
    """The epoch that a line of metrics.jsonl tells of; None where it tells of something else, or is not complete."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return Epoch.of(line) if isinstance(line, dict) and line.get("event") == "epoch" else None


def epochs(run: Union[PathLike, "os.PathLike[str]"]) -> Iterator[Epoch]:
    """The epochs of a run's folder, also of one that is under way."""
    path = Path(os.fspath(run)) / "metrics.jsonl"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecurError(f"{path}: {error.strerror}; it is no run's folder", 66) from error
    for text in content.splitlines():
        epoch = epoch_of(text)
        if epoch is not None:
            yield epoch


def metrics(run: PathLike) -> "pandas.DataFrame":
    """A row for each epoch; columns `epoch`, `step`, `train_loss`, `validation.loss` … as recur names them. Needs pandas."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("recur.metrics gives a DataFrame: pip install pandas; recur.epochs gives the same without it") from error
    table = pandas.json_normalize([dict(epoch.line) for epoch in epochs(run)])
    return table.drop(columns="event", errors="ignore")
