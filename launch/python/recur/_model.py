"""Predicting with a trained model: one process that answers JSON lines."""
from __future__ import annotations

import collections
import json
import os
import re
import struct
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Sequence, Union

import numpy

from ._program import PathLike, RecurError, failure, program, run

if TYPE_CHECKING:
    import pandas

Sample = Union["numpy.ndarray[Any, Any]", "pandas.DataFrame", Mapping[str, Any], str, Sequence[Any]]
Answer = Mapping[str, Any]


class Model:
    """A run, a checkpoint or an exported file, to predict with. The process starts with the first question and lives until `close`.

    A sample is what the network sees at once: an array [T, F], a DataFrame with the recipe's columns and a row for each step, a text,
    a list of words, or a mapping as `recur predict --help` describes the JSON lines. Questions may be asked from one thread at a time.
    """

    def __init__(self, run: PathLike, *, settings: Optional[Mapping[str, Any]] = None, last: bool = False) -> None:
        self.path = os.fspath(run)
        self._words = ["--last"] if last else []
        for key, value in (settings or {}).items():
            self._words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._answered = 0
        self._known: Optional[tuple[str, bool]] = None

    # What comes out.

    def predict(self, samples: Any) -> "numpy.ndarray[Any, Any]":
        """[B, T, F], a DataFrame, or a list of samples -> [B, targets] in the units of the data file, or the [B] classes, texts.
        Where each step has an answer the first axis has all steps, one sample after the other."""
        said = [answer["predicted"] for answer in self._flat(samples)]
        if said and isinstance(said[0], dict):
            return numpy.array([list(values.values()) for values in said], dtype=numpy.float64)
        return numpy.array(said)

    def predict_proba(self, samples: Any) -> "numpy.ndarray[Any, Any]":
        """The probability of each class, [B, classes], in the order of the training data's classes."""
        answers = self._flat(samples)
        if any(not isinstance(answer.get("probabilities"), dict) for answer in answers):
            raise RecurError(f"{self.path} predicts no classes", 64)
        return numpy.array([list(answer["probabilities"].values()) for answer in answers], dtype=numpy.float64)

    def quantiles(self, samples: Any) -> "dict[str, numpy.ndarray[Any, Any]]":
        """{"p10": [B, targets], …}, where the loss says how sure it is."""
        answers = self._flat(samples)
        names = [key for key in (answers[0] if answers else {}) if re.fullmatch(r"p[0-9.]+", key)]
        return {name: numpy.array([list(answer[name].values()) for answer in answers], dtype=numpy.float64) for name in names}

    def answers(self, samples: Any) -> "list[list[Answer]]":
        """For each sample the objects that recur answers with: one, or one for each step or series that has an answer."""
        requests = [self._request(sample) for sample in _listed(samples)]
        if not requests:
            return []
        has_several = self._about()[1]
        # Where a sample has several answers, the first one to the question behind it says that it has no more.
        count = len(requests) + has_several
        lines = [json.dumps(request, default=_number).encode() + b"\n" for request in requests]
        return self._ask(lines + lines[-1:] * has_several, count)[: len(requests)]

    def _flat(self, samples: Any) -> "list[Answer]":
        return [answer for answers in self.answers(samples) for answer in answers]

    # What goes in.

    def _about(self) -> tuple[str, bool]:
        """The format of the data, and whether a sample may have several answers: one for each step or series."""
        if self._known is None:
            recipe = _recipe(Path(self.path))
            found = re.search(r"^  format: (\w+)$", recipe, re.MULTILINE)
            layers = run("inspect", self.path)["layers"]
            several = re.search(r"^  wide: [^\[]|^  wide: \[[^\]]", recipe, re.MULTILINE) is not None
            several = several or any(layer["kind"] == "every_step" for layer in layers)
            self._known = (found.group(1) if found else "csv", several)
        return self._known

    def _request(self, sample: Any) -> Mapping[str, Any]:
        if isinstance(sample, Mapping):
            return sample
        if hasattr(sample, "to_dict") and hasattr(sample, "columns"):
            return {str(name): _column(sample[name]) for name in sample.columns}
        if isinstance(sample, str):
            return {"source" if self._about()[0] == "pairs" else "inputs": sample}
        if self._about()[0] == "tagged":
            return {"tokens": list(sample)}
        return {"inputs": numpy.asarray(sample).tolist()}

    # The process.

    def _ask(self, lines: "list[bytes]", count: int) -> "list[list[Answer]]":
        if self._process is None:
            self._start()
        process, first = self._process, self._answered
        assert process is not None and process.stdin is not None and process.stdout is not None
        writer = threading.Thread(target=_write, args=(process.stdin, lines), daemon=True)
        writer.start()
        answers: "list[list[Answer]]" = [[] for _ in range(count)]
        try:
            while not answers[-1]:
                text = process.stdout.readline()
                if not text:
                    raise self._ended()
                answer = json.loads(text)
                # Those of the last question of the time before may still come.
                if answer["sample"] >= first:
                    answers[answer["sample"] - first].append(answer)
        except BaseException:
            self.close()
            raise
        writer.join()
        self._answered += count
        return answers

    def _start(self) -> None:
        words = [program(), "predict", self.path, "--input", "-", "--output", "-", "--jsonl", "--proba", *self._words]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._answered = 0
        self._err: "collections.deque[str]" = collections.deque(maxlen=100)
        self._reader = threading.Thread(target=_keep, args=(self._process.stderr, self._err), daemon=True)
        self._reader.start()

    def _ended(self) -> RecurError:
        assert self._process is not None
        code = self._process.wait()
        self._reader.join()
        return failure(code, "", list(self._err))

    def close(self) -> None:
        """Ends the process; another question starts one again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            try:
                stream.close()
            except OSError:
                pass  # What was not sent is not wanted any more.
        process.wait()

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_process", None) is not None:
            self.close()


def _listed(samples: Any) -> "Iterable[Any]":
    """One by one; an array [T, F], a DataFrame, a text or a mapping alone is one sample."""
    if isinstance(samples, (str, Mapping)) or hasattr(samples, "columns"):
        return [samples]
    if isinstance(samples, numpy.ndarray) and samples.ndim < 3 and samples.dtype != object:
        return [samples]
    listed: Iterable[Any] = samples
    return listed


def _column(column: "pandas.Series[Any]") -> "list[Any]":
    """Its values as JSON has them: a missing one is null, a time is written as in a file."""
    return [None if value is None or value != value else value for value in column.tolist()]


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _write(stream: Any, lines: "list[bytes]") -> None:
    try:
        stream.writelines(lines)
        stream.flush()
    except (OSError, ValueError):
        pass  # The process has ended; whoever reads its answers learns why.


def _keep(stream: Any, lines: "collections.deque[str]") -> None:
    for line in stream:
        lines.append(line.decode(errors="replace").rstrip("\r\n"))
    stream.close()


def _recipe(path: Path) -> str:
    """The recipe of a run's folder or of a safetensors file, as recur wrote it; empty where there is none to see."""
    try:
        if path.is_dir():
            return (path / "recipe.yaml").read_text(encoding="utf-8")
        with open(path, "rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            metadata = json.loads(file.read(min(size, 1 << 28))).get("__metadata__", {})
        own = metadata.get("recipe")
        if own is None:
            own = next((json.loads(text).get("recipe") for text in metadata.values() if text.startswith('{"')), "")
        return str(own)
    except (OSError, ValueError, struct.error, AttributeError):
        return ""
