#!/usr/bin/env python3
"""Writes made-up sequences as shards, to try out data beyond memory: shards.py DIR [--gigabytes 8] [--seed 1]

DIR/inputs holds float32 arrays [2500, 100, 64] of 64 MB each, DIR/labels the class of each sample: which of four frequencies
its waves have, under noise. Needs numpy.
"""
import argparse
import os
import sys

try:
    import numpy
except ImportError:
    sys.exit("shards.py: numpy is missing: pip install numpy")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder")
parser.add_argument("--gigabytes", type=float, default=8)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()

samples, steps, features = 2500, 100, 64
draw = numpy.random.default_rng(options.seed)
time = numpy.arange(steps, dtype="f4")[:, None] + numpy.arange(features, dtype="f4")
waves = numpy.stack([numpy.sin(time * frequency) for frequency in (0.1, 0.2, 0.4, 0.8)]).astype("<f4")
try:
    for name in ("inputs", "labels"):
        os.makedirs(os.path.join(options.folder, name))
    for number in range(max(1, round(options.gigabytes * 1e9 / (samples * steps * features * 4)))):
        labels = draw.integers(0, 4, samples).astype("u1")
        inputs = waves[labels]
        inputs += draw.standard_normal(inputs.shape, dtype="f4")
        numpy.save(os.path.join(options.folder, "inputs", f"{number:05}.npy"), inputs)
        numpy.save(os.path.join(options.folder, "labels", f"{number:05}.npy"), labels)
except OSError as error:
    sys.exit(f"shards.py: {error}")
