"""scikit-learn's kind of estimator: `fit`, `predict`, `score`, usable in pipelines, searches and cross-validation."""
from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("recur's estimators need scikit-learn from 1.6: pip install scikit-learn") from error

from ._metrics import epochs as epochs_of
from ._program import run
from ._train import train

Array = Any


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(first)
    for key, value in second.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """X is [samples, T, F], or [samples, F], which is a sequence of one step. What is learned is kept in the object (`model_`, the file
    that `recur export` writes), which can be pickled; its folder is gone after `fit`.

    `recipe` holds further keys, {"model": {"bidirectional": True}}, and goes before the other parameters.
    """

    def __init__(self, cell: str = "gru", hidden_size: int = 32, num_layers: int = 1, epochs: int = 100, batch_size: int = 32,
                 lr: float = 0.01, random_state: int = 0, threads: Optional[int] = 1,
                 recipe: Optional[Mapping[str, Any]] = None) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.random_state = random_state
        self.threads = threads
        self.recipe = recipe

    def _recipe(self, head: str, loss: str) -> dict[str, Any]:
        recipe = {
            "name": type(self).__name__, "seed": int(self.random_state or 0),
            "data": {"format": "npy", "path": "x.npy", "labels_path": "y.npy", "scale": "standard", "split": {"train": "rest"}},
            "model": {"cell": self.cell, "hidden_size": self.hidden_size, "num_layers": self.num_layers, "readout": "last_step",
                      "head": [{"linear": head}]},
            "loss": loss, "optimizer": {"name": "adam", "lr": self.lr},
            "train": {"epochs": self.epochs, "batch_size": self.batch_size},
        }
        return _merged(recipe, self.recipe or {})

    def _learn(self, X: Array, y: Array, head: str, loss: str) -> None:
        with tempfile.TemporaryDirectory(prefix="recur-fit-") as name:
            folder = Path(name)
            numpy.save(folder / "x.npy", _steps(X))
            numpy.save(folder / "y.npy", y)
            (folder / "recipe.yaml").write_text(json.dumps(self._recipe(head, loss), default=lambda value: value.tolist()))
            done = train(folder / "recipe.yaml", out=folder / "run", threads=self.threads)
            run("export", done, "--safetensors", folder / "model.safetensors")
            self.model_ = (folder / "model.safetensors").read_bytes()
            self.history_ = list(epochs_of(done))
        self.n_iter_ = len(self.history_)

    def _outputs(self, X: Array) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=numpy.float64, allow_nd=True, reset=False)
        with tempfile.TemporaryDirectory(prefix="recur-predict-") as name:
            folder = Path(name)
            numpy.save(folder / "x.npy", _steps(X))
            (folder / "model.safetensors").write_bytes(self.model_)
            run("predict", folder / "model.safetensors", "--input", folder / "x.npy", "--output", folder / "p.npy", "--proba")
            return numpy.load(folder / "p.npy").astype(numpy.float64)


def _steps(X: Array) -> Array:
    return numpy.ascontiguousarray(X[:, None, :] if X.ndim == 2 else X)


class Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """Predicts numbers: y is [samples] or [samples, targets]; the loss is the mean squared error."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Array, y: Array) -> "Regressor":
        X, y = validate_data(self, X, y, dtype=numpy.float64, allow_nd=True, multi_output=True, y_numeric=True)
        self._is_flat = y.ndim == 1
        self._learn(X, numpy.asarray(y, dtype=numpy.float64).reshape(len(y), -1), "targets", "mse")
        return self

    def predict(self, X: Array) -> Array:
        outputs = self._outputs(X)
        return outputs[:, 0] if self._is_flat else outputs


class Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """Predicts one of several classes: y is [samples] of numbers or texts; the loss is the cross entropy."""

    def fit(self, X: Array, y: Array) -> "Classifier":
        X, y = validate_data(self, X, y, dtype=numpy.float64, allow_nd=True)
        check_classification_targets(y)
        self.classes_, codes = numpy.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a Classifier learns to tell classes apart, and there is one class, {self.classes_[0]!r}")
        self._learn(X, codes.astype(numpy.int64), "classes", "cross_entropy")
        return self

    def predict_proba(self, X: Array) -> Array:
        outputs = self._outputs(X)
        return outputs / outputs.sum(axis=1, keepdims=True)

    def predict(self, X: Array) -> Array:
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
