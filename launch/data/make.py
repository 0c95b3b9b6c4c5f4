#!/usr/bin/env python3
"""Makes the bundled files from their packages: pip install bokeh_sampledata==2026.1 scikit-learn==1.9.1 numpy, then run this."""
import csv
import pathlib

import numpy as np
from bokeh_sampledata import stocks
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).parent


def write_csv(name, header, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


ibm = stocks.IBM
columns = ["date", "open", "high", "low", "close", "volume"]
write_csv("ibm.csv", [c.capitalize() for c in columns], zip(*(ibm[c] for c in columns)))

digits = load_digits()
train, test = train_test_split(np.arange(len(digits.target)), test_size=360, random_state=0, stratify=digits.target)
for part, rows in (("train", train), ("test", test)):
    labels = digits.target[rows].astype(np.uint8)
    np.save(HERE / f"digits-{part}.npy", digits.images[rows].astype(np.uint8))
    np.save(HERE / f"digits-{part}-labels.npy", labels)
    np.save(HERE / f"digits-{part}-parity.npy", labels % 2)

diabetes = load_diabetes(scaled=False)
write_csv("diabetes.csv", [*diabetes.feature_names, "progression"],
          ([f"{v:g}" for v in (*x, y)] for x, y in zip(diabetes.data, diabetes.target)))
