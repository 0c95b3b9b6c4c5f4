"""What `onnx_check.py` and `onnx_pairs.py` share: a network of ONNX that is checked and can be run, and the cases of a folder."""
import json
import sys
from pathlib import Path

import onnx
import onnxruntime

TOLERANCE = 1e-5


def session(path):
    """A network that ONNX itself has checked, shapes inferred, in ONNX Runtime on one thread."""
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def main(check, what, usage):
    """Prints the problems that check(folder, case) finds of each case in cases.json; ends with 1 where there are some."""
    if len(sys.argv) != 2:
        sys.exit(usage)
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
        sys.exit(f"{failed} of {len(cases)} {what} differ")
    print(f"{len(cases)} {what} agree")
