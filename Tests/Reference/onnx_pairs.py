#!/usr/bin/env python3
"""Runs exported encoder-decoders and compares: `onnx_pairs.py FOLDER`, whose cases.json names files, tokens and outputs.

Both networks are checked by ONNX itself, shapes inferred. ONNX Runtime then gives the logits for tokens that are given, and a greedy
search finds targets: for all sources together, which are of different lengths, and for each alone. Needs onnx and onnxruntime.
"""
import numpy
import onnx_cases
from onnx_cases import TOLERANCE


class Pair:
    """An encoder and a decoder's step. What the one gives is what the other takes, by its names."""

    def __init__(self, folder, case):
        self.encoder, self.decoder = (onnx_cases.session(folder / case[part]) for part in ("encoder", "decoder"))
        self.given = [value.name for value in self.encoder.get_outputs()]
        self.results = [value.name for value in self.decoder.get_outputs()]

    def start(self, sources):
        lengths = numpy.array([len(source) for source in sources])
        tokens = numpy.zeros((len(sources), lengths.max()), "int64")
        for row, source in zip(tokens, sources):
            row[: len(source)] = source
        return dict(zip(self.given, self.encoder.run(self.given, {"tokens": tokens, "lengths": lengths})))

    def step(self, tokens, state):
        found = dict(zip(self.results, self.decoder.run(self.results, {"token": numpy.array(tokens), **state})))
        return found, {name: found.get(name.replace("0_", "n_"), value) for name, value in state.items()}

    def search(self, sources, limits):
        state, tokens = self.start(sources), [0] * len(sources)
        targets, is_open = [[] for _ in sources], [True] * len(sources)
        while any(is_open):
            found, state = self.step(tokens, state)
            tokens = found["output"].argmax(axis=1).tolist()
            for number, token in enumerate(tokens):
                if is_open[number] and token != 0:
                    targets[number].append(token)
                is_open[number] &= token != 0 and len(targets[number]) < limits[number]
        return targets


def check(folder, case):
    pair = Pair(folder, case)
    taken = {value.name for value in pair.decoder.get_inputs()}
    if taken != {"token", *pair.given}:
        return [f"the encoder gives {pair.given}, the decoder takes {taken}"]
    if ("probabilities" in pair.results) != case["probabilities"]:
        return [f"the decoder gives {pair.results}"]
    problems = []
    scale = max(1, numpy.abs(numpy.concatenate([numpy.array(rows) for rows in case["outputs"]])).max())
    state = pair.start(case["sources"])
    for step in range(max(map(len, case["inputs"]))):
        tokens = [(row + [0] * step)[step] for row in case["inputs"]]
        found, state = pair.step(tokens, state)
        for number, rows in enumerate(case["outputs"]):
            if step >= len(rows):
                continue
            expected = numpy.array(rows[step])
            error = numpy.abs(found["output"][number] - expected).max() / scale
            if not error <= TOLERANCE:
                problems.append(f"step {step} of {number}: off by {error:.3g}")
            if case["probabilities"]:
                powers = numpy.exp(expected - expected.max())
                if not numpy.abs(found["probabilities"][number] - powers / powers.sum()).max() <= TOLERANCE:
                    problems.append(f"step {step} of {number}: other probabilities")
    if pair.search(case["sources"], case["limits"]) != case["found"]:
        problems.append("a search finds other targets")
    for source, limit, found in zip(case["sources"], case["limits"], case["found"]):
        if pair.search([source], [limit]) != [found]:
            problems.append(f"a search for {source} alone finds another target")
    return problems


if __name__ == "__main__":
    onnx_cases.main(check, "pairs", __doc__)
