"""recur from Python: trains and predicts by the program itself, one process for each call or each model.

    run = recur.train({"data": {...}, "model": {...}}, out="runs/first", on_epoch=print)
    run.report["validation"], recur.metrics(run)
    with recur.Model(run) as model:
        model.predict(windows)              # [B, T, F] -> [B, targets]

Nothing is computed here: recipes, files and numbers are those of the command line. What it refuses is a RecurError with its own line.
`recur.Regressor` and `recur.Classifier` are scikit-learn's kind of estimator, `recur.torch.load` builds a PyTorch module.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._metrics import Epoch, epochs, metrics
from ._model import Model
from ._program import RecurError, program, run, version
from ._train import Interrupted, Run, train

if TYPE_CHECKING:
    from .estimators import Classifier, Regressor

__all__ = ["Classifier", "Epoch", "Interrupted", "Model", "RecurError", "Regressor", "Run", "epochs", "metrics", "program",
           "run", "train", "version"]


def __getattr__(name: str) -> Any:
    # scikit-learn is looked for only where an estimator is.
    if name in ("Regressor", "Classifier"):
        from . import estimators
        return getattr(estimators, name)
    raise AttributeError(f"module 'recur' has no attribute {name!r}")
