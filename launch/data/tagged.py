#!/usr/bin/env python3
"""Writes downloads/greek.txt, the Greek New Testament with a part of speech for each word, for the recipe tagging.

It is MorphGNT, J. K. Tauber, ed., "MorphGNT: SBLGNT Edition", as the PyPI package py-sblgnt 0.10 has it: the SBLGNT's text
(free under the SBLGNT's own licence) with its analysis (CC BY-SA 3.0). Prints how often the most frequent tag of each word is right.
"""
import collections
import pathlib
import random

import pypi

ENDS = ".;·"  # full stop, question mark, colon
BRACKETS = "⸃⸁⸅”’»)]—"


def source():
    files = pypi.members("py-sblgnt")
    return [files[path].decode() for path in sorted(files) if path.endswith("-morphgnt.txt")]


def sentences(books):
    """A line is: verse, part of speech, two parsing codes, text, word, normalized word (accents as it stands alone), lemma."""
    for book in books:
        sentence = []
        for line in book.splitlines():
            _, part, _, _, text, _, word, _ = line.split()
            sentence.append((word, part))
            if text.rstrip(BRACKETS)[-1] in ENDS:
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
    # Writers and topics change from book to book: a random order gives all parts their share.
    random.Random(0).shuffle(everything)
    folder = pathlib.Path(__file__).parent / "downloads"
    folder.mkdir(exist_ok=True)
    with open(folder / "greek.txt", "w", encoding="utf-8") as file:
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
