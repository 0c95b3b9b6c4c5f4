"""Training: the process, what it says while it goes, and how it is stopped."""
from __future__ import annotations

import collections
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Union

from ._metrics import Epoch, epoch_of
from ._model import Model
from ._program import PathLike, RecurError, failure, program

Recipe = Union[Mapping[str, Any], PathLike]


@dataclass(frozen=True)
class Run:
    """A run's folder, and the report of whoever trained it."""

    path: Path
    report: Mapping[str, Any]

    def __fspath__(self) -> str:
        return str(self.path)

    def model(self, **options: Any) -> Model:
        return Model(self, **options)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during training. What was learned is saved in `path`: train(..., resume=True) goes on."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"stopped; the run is saved in {path}")
        self.path = path


def train(recipe: Recipe, *, out: Optional[PathLike] = None, on_epoch: Optional[Callable[[Epoch], Any]] = None,
          settings: Optional[Mapping[str, Any]] = None, ranks: int = 1, threads: Optional[int] = None, resume: bool = False,
          overwrite: bool = False, verbose: bool = False) -> Run:
    """Trains a recipe, a mapping or a file, and returns the run.

    `on_epoch` is called in this thread with each finished epoch, soon after it; what it raises stops the run, which saves, and is
    raised here. `settings` are `--set`: {"optimizer.lr": 0.01}. With `ranks` processes it runs under MPI (`recur launch`). Paths in a
    mapping are relative to the working directory. `verbose` shows what recur says.
    """
    with _file(recipe, ranks) as (path, text):
        name = str(recipe.get("name", "run")) if isinstance(recipe, Mapping) else Path(os.fspath(recipe)).stem
        folder = Path(os.fspath(out)) if out is not None else Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        words = ["train", path, "--out", str(folder), "--json"]
        words += ["--resume", "auto"] if resume else []
        words += ["--overwrite"] if overwrite else []
        words += ["--threads", str(threads)] if threads is not None else []
        for key, value in (settings or {}).items():
            words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value, default=_plain)}"]
        if ranks > 1:
            words = ["launch", "-n", str(ranks), "--", *words]
        return _Training(words, text, folder, verbose).finish(on_epoch)


def _plain(value: Any) -> Any:
    """Numbers of numpy and paths as JSON has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a recipe can't hold {value!r}")


@contextmanager
def _file(recipe: Recipe, ranks: int) -> Iterator[tuple[str, Optional[str]]]:
    """What `train` is given, and what it reads from standard input: YAML has JSON within."""
    if not isinstance(recipe, Mapping):
        yield os.fspath(recipe), None
        return
    text = json.dumps(recipe, default=_plain)
    if ranks == 1:
        yield "-", text
        return
    # Ranks have no standard input; paths are relative to the file.
    with tempfile.NamedTemporaryFile("w", dir=".", prefix=".recur-", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield file.name, None


def _end_with_parent() -> None:
    """The process saves and ends where this one is killed (Linux: PR_SET_PDEATHSIG is 1)."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    except (AttributeError, OSError):
        pass


class _Training:
    """A process that trains."""

    def __init__(self, words: list[str], text: Optional[str], folder: Path, verbose: bool) -> None:
        self.log = _Log(folder / "metrics.jsonl")
        self.folder = folder
        # A group of its own: Ctrl-C comes to it once, from here, and not from the terminal besides.
        self.process = subprocess.Popen([program(), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True, preexec_fn=_end_with_parent)
        self.out: list[bytes] = []
        self.err: collections.deque[str] = collections.deque(maxlen=100)
        self.readers = [threading.Thread(target=self._read_out, daemon=True),
                        threading.Thread(target=self._read_err, args=(verbose,), daemon=True)]
        for reader in self.readers:
            reader.start()
        assert self.process.stdin is not None
        try:
            self.process.stdin.write((text or "").encode())
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # It has failed already, and says why.

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        self.out.append(self.process.stdout.read())

    def _read_err(self, verbose: bool) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            text = line.decode(errors="replace").rstrip("\r\n")
            self.err.append(text)
            if verbose:
                print(text, file=sys.stderr)

    def finish(self, on_epoch: Optional[Callable[[Epoch], Any]]) -> Run:
        try:
            while self.process.poll() is None:
                self._tell(on_epoch)
                try:
                    self.process.wait(0.02)
                except subprocess.TimeoutExpired:
                    pass
            self._tell(on_epoch)
        except KeyboardInterrupt:
            self._stop()
            raise Interrupted(self.folder) from None
        except BaseException:
            self._stop()
            raise
        for reader in self.readers:
            reader.join()
        text = b"".join(self.out).decode(errors="replace")
        if self.process.returncode != 0:
            raise failure(self.process.returncode, text, list(self.err))
        report = json.loads(text.splitlines()[-1])
        return Run(Path(report["run_directory"]), report)

    def _tell(self, on_epoch: Optional[Callable[[Epoch], Any]]) -> None:
        if on_epoch is not None:
            for epoch in self.log.fresh():
                on_epoch(epoch)

    def _stop(self) -> None:
        """The process saves and ends; one more Ctrl-C ends it at once."""
        self.process.send_signal(signal.SIGINT)
        while True:
            try:
                self.process.wait()
                return
            except KeyboardInterrupt:
                self.process.send_signal(signal.SIGINT)


class _Log:
    """The lines that come to a metrics.jsonl. A run that goes on cuts it back to its checkpoint first, one that is overwritten begins it
    anew: what is new is what stands behind the part that was there before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.before = self._content(0).splitlines(keepends=True)
        self.offset: Optional[int] = None if self.before else 0

    def _content(self, offset: int) -> bytes:
        try:
            with open(self.path, "rb") as file:
                file.seek(offset)
                return file.read()
        except OSError:
            return b""

    def fresh(self) -> Iterator[Epoch]:
        if self.offset is None:
            now = self._content(0).splitlines(keepends=True)
            same = next((i for i, (a, b) in enumerate(zip(now, self.before)) if a != b), min(len(now), len(self.before)))
            if same == len(now):
                return
            self.offset = sum(map(len, now[:same]))
        content = self._content(self.offset)
        for line in content.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            self.offset += len(line)
            epoch = epoch_of(line)
            if epoch is not None:
                yield epoch
