"""Makes the wheel: the modules and the portable program, without any tool from outside (PEP 517)."""
import base64
import hashlib
import os
import platform
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEEDED = ("numpy>=1.24",)
EXTRAS = {"pandas": ("pandas",), "sklearn": ("scikit-learn>=1.6",), "torch": ("torch", "safetensors", "PyYAML")}


def program():
    """The portable program: what RECUR_PORTABLE names, else what launch/portable has made."""
    named = os.environ.get("RECUR_PORTABLE")
    path = Path(named) if named else HERE.parents[1] / ".build-portable" / "recur"
    if not path.is_file():
        sys.exit(f"recur: no portable program {path}; make it by launch/portable, or name one in RECUR_PORTABLE")
    return path


def version(path):
    """`recur 0.1.0 (tag v0.1.0, commit 0123456789ab, modified)` as Python's versions are written: 0.1.0, 0.1.0+g0123456789ab."""
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=True).stdout
    number = re.match(r"recur ([0-9][0-9.]*)", said)
    if number is None:
        sys.exit(f"recur: {path} --version says {said.strip()!r}, and no version")
    commit = re.search(r"commit ([0-9a-f]+)", said)
    local = [f"g{commit.group(1)}"] if commit and "tag v" + number.group(1) not in said else []
    local += ["modified"] if "modified" in said else []
    return number.group(1) + ("+" + ".".join(local) if local else "")


def tag(content):
    """The systems it runs on: those with the newest glibc symbol that it asks for."""
    versions = [(int(a), int(b)) for a, b in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", content)]
    machine = platform.machine()
    if not versions:
        return f"py3-none-linux_{machine}"
    major, minor = max(versions)
    return f"py3-none-manylinux_{major}_{minor}_{machine}"


def metadata(number):
    lines = ["Metadata-Version: 2.1", "Name: recur", f"Version: {number}", "Summary: Trains recurrent networks (RNN, LSTM, GRU)",
             "License: MIT", "Requires-Python: >=3.9", "Description-Content-Type: text/markdown"]
    lines += [f"Requires-Dist: {name}" for name in NEEDED]
    for extra, names in EXTRAS.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {name}; extra == "{extra}"' for name in names]
    return "\n".join(lines) + "\n\n" + (HERE / "README.md").read_text(encoding="utf-8")


def files():
    """What stands in the wheel, by name, beside the program."""
    for path in sorted((HERE / "recur").rglob("*")):
        if path.is_file() and path.suffix in (".py", ".typed"):
            yield path.relative_to(HERE).as_posix(), path.read_bytes()
    yield "recur/torch.py", (HERE / "load.py").read_bytes()


def get_requires_for_build_wheel(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    path = program()
    content, number = path.read_bytes(), version(path)
    kind, info = tag(content), f"recur-{number}.dist-info"
    entries = [*files(), ("recur/bin/recur", content), (f"{info}/METADATA", metadata(number).encode()),
               (f"{info}/entry_points.txt", b"[console_scripts]\nrecur = recur.__main__:main\n"),
               (f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: recur\nRoot-Is-Purelib: false\nTag: {kind}\n".encode())]
    for name in ("LICENSE", "launch/release/NOTICE", "launch/release/APACHE-2.0"):
        entries.append((f"{info}/licenses/{Path(name).name}", (HERE.parents[1] / name).read_bytes()))
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in entries) + f"{info}/RECORD,,\n"
    wheel = f"recur-{number}-{kind}.whl"
    with zipfile.ZipFile(Path(wheel_directory) / wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*entries, (f"{info}/RECORD", record.encode())]:
            # The same files make the same wheel, whenever that is.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (stat.S_IFREG | (0o755 if name == "recur/bin/recur" else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return wheel


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
