"""Source packages of the Python package index, fetched by pip and read without installing them."""
import pathlib
import subprocess
import sys
import tarfile
import tempfile


def members(name, version):
    """The files of a source package, by their paths without the first folder."""
    with tempfile.TemporaryDirectory() as folder:
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
             "--dest", folder, f"{name}=={version}"])
        if fetched.returncode:
            sys.exit(f"pip could not fetch the package {name} {version}; it needs pip (python3-pip) and an index it can reach")
        (archive,) = pathlib.Path(folder).iterdir()
        with tarfile.open(archive) as packed:
            return {
                member.name.partition("/")[2]: packed.extractfile(member).read()
                for member in packed if member.isfile()
            }
