"""The program: where it is, and how a command of it is run."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Optional, Sequence, Union

PathLike = Union[str, "os.PathLike[str]"]


class RecurError(Exception):
    """What recur says where it fails. `code` is its exit code (64 usage, 65 bad data or recipe, 66 missing, 69 not here, 74 I/O, 75
    stopped, negative: ended by that signal), `line` its own words."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.line, self.code = line, code

    def __reduce__(self) -> Any:
        return (RecurError, (self.line, self.code))


def program() -> str:
    """The program's file: what RECUR names, else the one in this package, else the one in PATH."""
    named = os.environ.get("RECUR")
    inside = Path(__file__).parent / "bin" / "recur"
    if named:
        found = shutil.which(named)
        if found is None:
            raise RecurError(f"RECUR names {named}, which is no program", 66)
        return found
    if inside.exists():
        return str(inside)
    found = shutil.which("recur")
    if found is None:
        raise RecurError("the program recur is neither in this package nor in PATH; name it in RECUR", 66)
    return found


def failure(code: int, out: str, err: Sequence[str]) -> RecurError:
    """The error of a process that has ended: by `--json` the last line of its output, else its last words."""
    for line in reversed(out.splitlines()):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get("error"), str):
            return RecurError(said["error"], code)
    words = [line for line in err if line.strip()]
    # text: the parser of the command line begins its line with "Error: ".
    own = [line for line in words if line.startswith(("recur: ", "Error: "))]
    if own or words:
        return RecurError((own or words)[-1].split(": ", 1)[1] if own else words[-1], code)
    return RecurError(f"recur ended with code {code} and said nothing", code)


def run(*words: Union[str, "os.PathLike[str]"], stdin: Optional[str] = None) -> dict[str, Any]:
    """Runs a command, `run("evaluate", "runs/first")`, and returns the report that `--json` gives."""
    command = [program(), *(os.fspath(word) for word in words), "--json"]
    process = subprocess.run(command, input=stdin or "", capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if process.returncode != 0:
        raise failure(process.returncode, process.stdout, process.stderr.splitlines())
    report: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return report


def version() -> str:
    """What `recur --version` says."""
    return subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
