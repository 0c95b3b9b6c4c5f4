#!/usr/bin/env python3
"""Writes downloads/JapaneseVowels_{TRAIN,TEST}.ts, nine men saying "ae" (UEA archive, Kudo et al. 1999), for the recipe japanese-vowels.

The files are those of the PyPI package aeon 1.6.0.
"""
import pathlib

import pypi


def main():
    files = pypi.members("aeon")
    folder = pathlib.Path(__file__).parent / "downloads"
    folder.mkdir(exist_ok=True)
    for part in ("TRAIN", "TEST"):
        name = f"JapaneseVowels_{part}.ts"
        (folder / name).write_bytes(files[f"aeon/datasets/data/JapaneseVowels/{name}"])
        print(f"{folder / name}")


if __name__ == "__main__":
    main()
