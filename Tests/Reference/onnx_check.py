#!/usr/bin/env python3
"""Runs exported networks and compares: `onnx_check.py FOLDER`, whose cases.json names files, inputs and outputs.

Each network is checked by ONNX itself, shapes inferred, and run by ONNX Runtime: once as given, and once with the first sequence alone,
cut to its length. Values that are null are not compared. Needs onnx and onnxruntime.
"""
import numpy
import onnx_cases
from onnx_cases import TOLERANCE


def array(tensor):
    kind = tensor.get("type", "float32")
    return numpy.array(tensor["values"], dtype="float64" if kind == "float32" else kind).reshape(tensor["shape"])


def distance(found, expected):
    known = ~numpy.isnan(expected)
    if found.shape != expected.shape:
        return f"shape {found.shape}, not {expected.shape}"
    if not known.any():
        return "nothing to compare"
    error = numpy.abs(found - expected)[known].max() / max(1, numpy.abs(expected[known]).max())
    return None if error <= TOLERANCE else f"off by {error:.3g}"


def alone(inputs, outputs):
    """The first sequence by itself, as long as it is."""
    length = int(inputs["lengths"][0]) if "lengths" in inputs else None

    def cut(name, values):
        if name[:2] in ("h0", "c0", "hn", "cn"):
            return values[:, :1]
        steps = name in ("input", "tokens", "categories") or values.ndim == 3
        return values[:1, :length] if steps else values[:1]

    return [{name: cut(name, values) for name, values in group.items()} for group in (inputs, outputs)]


def check(folder, case):
    session = onnx_cases.session(folder / case["file"])
    inputs, outputs = ({name: array(tensor) for name, tensor in case[kind].items()} for kind in ("inputs", "outputs"))
    names = ({value.name for value in session.get_inputs()}, {value.name for value in session.get_outputs()})
    if names != (set(inputs), set(outputs)):
        return [f"inputs and outputs are {names}"]
    problems = []
    for group, (given, expected) in (("all", (inputs, outputs)), ("alone", alone(inputs, outputs))):
        feed = {name: values.astype("float32") if values.dtype == "float64" else values for name, values in given.items()}
        for name, found in zip(expected, session.run(list(expected), feed)):
            problem = distance(found, expected[name])
            if problem:
                problems.append(f"{group}: {name}: {problem}")
    return problems


if __name__ == "__main__":
    onnx_cases.main(check, "networks", __doc__)
