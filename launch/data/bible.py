#!/usr/bin/env python3
"""Writes the King James Bible as Debian's package bible-kjv has it (public domain), verse by verse: downloads/kjv.txt as it stands,
for the recipe char-lm, and downloads/kjv-words.{train,valid,test}.txt for the recipes word-lm-*: lower case, words and marks set apart, the
first eight tenths of the verses, the ninth and the last.
"""
import pathlib
import re
import shutil
import subprocess
import sys


def words(verse):
    return " ".join(re.sub(r"([^a-z ])", r" \1 ", verse.lower()).split())


def main():
    if not shutil.which("bible"):
        sys.exit("bible is missing: apt-get install bible-kjv")
    text = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True, text=True).stdout
    # Each line begins with where it stands.
    verses = [line.partition(" ")[2] for line in text.splitlines()]
    folder = pathlib.Path(__file__).parent / "downloads"
    folder.mkdir(exist_ok=True)
    (folder / "kjv.txt").write_text("".join(f"{verse}\n" for verse in verses))
    tenth = len(verses) // 10
    parts = {"train": verses[:-2 * tenth], "valid": verses[-2 * tenth:-tenth], "test": verses[-tenth:]}
    for name, part in parts.items():
        (folder / f"kjv-words.{name}.txt").write_text("".join(f"{words(verse)}\n" for verse in part))
    print(f"{len(verses)} verses, {len(text)} characters, {sum(len(words(v).split()) for v in verses)} words and marks")


if __name__ == "__main__":
    main()
