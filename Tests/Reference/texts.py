"""Texts of a CSV file as batches: the vocabulary of the training part by collections.Counter, rows by pandas.

pip install pandas numpy; python texts.py > texts.json
"""
import collections
import io
import json

import pandas

CSV = '''text,kind,score
"the film was good, very good",good,4.5
bad film,bad,1
the actors were good,good,4
"no ""story"" at all
and a bad end",bad,0.5
good good good,good,5
fïlm was bad,bad,1.5
a new word,good,3
'''
TRAIN = 5


def cut(text, tokens):
    if tokens == "word":
        return text.split()
    return list(text) if tokens == "char" else [str(byte) for byte in text.encode()]


def case(tokens, min_count=1, size=None):
    table = pandas.read_csv(io.StringIO(CSV))
    rows = [cut(text, tokens) for text in table.text]
    counts = collections.Counter(token for row in rows[:TRAIN] for token in row)
    kept = sorted((token for token in counts if counts[token] >= min_count), key=lambda t: (-counts[t], t.encode()))
    names = [str(b) for b in range(256)] if tokens == "byte" else (["<unk>"] + kept)[:size]
    number = {name: index for index, name in enumerate(names)}
    scores = table.score[:TRAIN]
    return {
        "tokens": tokens, "min_count": min_count, "vocabulary": size, "names": names,
        "rows": [[number.get(token, 0) for token in row] for row in rows],
        "classes": [sorted(set(table.kind)).index(kind) for kind in table.kind],
        "scaled": [float(x) for x in (table.score - scores.mean()) / scores.std(ddof=0)],
    }


print(json.dumps({"csv": CSV, "train": TRAIN, "cases": [
    case("word"), case("word", 2), case("word", 1, 4), case("char"), case("char", 3), case("byte")]}, ensure_ascii=False))
