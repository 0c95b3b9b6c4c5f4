#!/usr/bin/env python3
"""Writes the King James Bible as Debian's package bible-kjv has it (public domain), verse by verse: downloads/kjv.txt as it stands,
for the recipe char-lm, and downloads/kjv-words.{train,valid,test}.txt for the recipes word-lm-*: lower case, words and marks set apart, the
first eight tenths of the verses, the ninth and the last; and downloads/kjv-books.csv for the recipe verses: each verse with its book, in
random order. Prints how often naive Bayes finds the book of the last tenth of these.
"""
import collections
import csv
import math
import pathlib
import random
import re
import shutil
import subprocess
import sys


def words(verse):
    return " ".join(re.sub(r"([^a-z ])", r" \1 ", verse.lower()).split())


def naive_bayes(train, test):
    """The share of test verses whose book is the likeliest by its words, each counted once more than it was seen."""
    counts = collections.defaultdict(collections.Counter)
    verses = collections.Counter(book for book, _ in train)
    for book, verse in train:
        counts[book].update(verse.split())
    vocabulary = len(set().union(*counts.values()))
    totals = {book: math.log(sum(c.values()) + vocabulary) for book, c in counts.items()}

    def score(book, verse):
        return math.log(verses[book]) + sum(math.log(counts[book][w] + 1) - totals[book] for w in verse.split())

    return sum(book == max(verses, key=lambda b: score(b, verse)) for book, verse in test) / len(test)


def write_books(path, rows):
    """rows: [(book, verse)]"""
    random.Random(0).shuffle(rows)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["book", "verse"])
        writer.writerows(rows)
    test = len(rows) - int(0.9 * len(rows))
    print(f"the book of {test} verses by naive Bayes: {naive_bayes(rows[:-test], rows[-test:]):.3f} right")


def main():
    if not shutil.which("bible"):
        sys.exit("bible is missing: apt-get install bible-kjv")
    text = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True, text=True).stdout
    # Each line begins with where it stands: Gen1:1, 1Cor2:3.
    lines = [line.partition(" ") for line in text.splitlines()]
    verses = [verse for _, _, verse in lines]
    folder = pathlib.Path(__file__).parent / "downloads"
    folder.mkdir(exist_ok=True)
    (folder / "kjv.txt").write_text("".join(f"{verse}\n" for verse in verses))
    tenth = len(verses) // 10
    parts = {"train": verses[:-2 * tenth], "valid": verses[-2 * tenth:-tenth], "test": verses[-tenth:]}
    for name, part in parts.items():
        (folder / f"kjv-words.{name}.txt").write_text("".join(f"{words(verse)}\n" for verse in part))
    write_books(folder / "kjv-books.csv", [(re.match("[1-3]?[A-Za-z]+", place)[0], words(verse)) for place, _, verse in lines])
    print(f"{len(verses)} verses, {len(text)} characters, {sum(len(words(v).split()) for v in verses)} words and marks")


if __name__ == "__main__":
    main()
