#!/usr/bin/env python3
"""Runs exported networks and compares: `onnx_check.py FOLDER`, whose cases.json names files, inputs and outputs.

Each network is checked by ONNX itself, shapes inferred, and run by ONNX Runtime: once as given, and once with the first sequence alone,
cut to its length. Values that are null are not compared. Needs onnx and onnxruntime.
"""
import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime

TOLERANCE = 1e-5


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
    path = str(folder / case["file"])
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
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


def main():
    folder = Path(sys.argv[1])
    cases = json.loads((folder / "cases.json").read_text())
    failed = 0
    for case in cases:
        try:
            problems = check(folder, case)
        except Exception as error:  # What a checker says of a network is what this is for.
            problems = [str(error)]
        failed += bool(problems)
        for problem in problems:
            print(f"{case['name']}: {problem}")
    if failed:
        sys.exit(f"{failed} of {len(cases)} networks differ")
    print(f"{len(cases)} networks agree")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
