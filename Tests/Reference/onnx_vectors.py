#!/usr/bin/env python3
"""Writes ONNX's own test vectors of its recurrent operators: `onnx_vectors.py FOLDER`.

The onnx package makes them with code of its own (`backend-test-tools generate-data` does it for all operators): for each a folder with
model.onnx, one node, and test_data_set_0/ with a file for each input and output.
"""
import sys
from pathlib import Path

from onnx import TensorProto, numpy_helper
from onnx.backend.test.case import node


def tensor(value, name):
    return value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)


def main():
    for module in ("lstm", "gru", "rnn"):
        __import__(f"onnx.backend.test.case.node.{module}")
    # The list that this package collects its cases in as they are imported.
    for case in node._NodeTestCases:
        folder = Path(sys.argv[1]) / case.name
        data = folder / "test_data_set_0"
        data.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        graph = case.model.graph
        for kind, values, places in zip(("input", "output"), case.data_sets[0], (graph.input, graph.output)):
            for number, (value, place) in enumerate(zip(values, places, strict=True)):
                (data / f"{kind}_{number}.pb").write_bytes(tensor(value, place.name).SerializeToString())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
