"""recur's times on a GPU beside PyTorch's: eager, and the whole step captured in a CUDA graph with fused Adam.

usage: gpu_peer.py FOLDER [SECONDS]

FOLDER holds bench.json (`recur bench --device cuda --json`) and engines.json (the same with --engines); what is not there leaves a dash, and so
does PyTorch where it is not installed. Prints a table; PyTorch's times are kept in FOLDER/peer.json. SECONDS a case and way, 1.
"""
import json
import os
import statistics
import sys
import time

try:
    import torch
    from torch import nn
except ImportError:
    torch = None

# name: cell, inputs, hidden, layers, steps, batch, bidirectional, readout, outputs
CASES = {
    "stock-rnn": ("RNN", 4, 8, 2, 5, 20, False, "all", 1),
    "stock-lstm": ("LSTM", 4, 8, 2, 5, 20, False, "all", 1),
    "stock-gru": ("GRU", 4, 8, 2, 5, 20, False, "all", 1),
    "mnist-bilstm": ("LSTM", 28, 12, 2, 28, 128, True, "all", 10),
    "mid-rnn": ("RNN", 64, 256, 2, 100, 64, False, "last", 10),
    "mid-lstm": ("LSTM", 64, 256, 2, 100, 64, False, "last", 10),
    "mid-gru": ("GRU", 64, 256, 2, 100, 64, False, "last", 10),
    "charlm-lstm": ("LSTM", 128, 512, 2, 64, 64, False, "every", 96),
    "charlm-gru": ("GRU", 128, 512, 2, 64, 64, False, "every", 96),
    "big-lstm": ("LSTM", 1024, 1024, 2, 35, 64, False, "last", 10),
}


def make_network(cell, inputs, hidden, layers, steps, bidirectional, readout, outputs):
    width = hidden * (2 if bidirectional else 1)
    rnn = getattr(nn, cell)(inputs, hidden, layers, bidirectional=bidirectional).cuda()
    fc = nn.Linear(width * steps if readout == "all" else width, outputs).cuda()

    def forward(x):
        y, _ = rnn(x)
        if readout == "all":
            return fc(y.transpose(0, 1).reshape(y.shape[1], -1))
        return fc(y[-1] if readout == "last" else y.reshape(-1, y.shape[-1]))

    return forward, [*rnn.parameters(), *fc.parameters()]


def median_milliseconds(step, seconds):
    times = []
    for _ in range(5):
        step()
    torch.cuda.synchronize()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 10:
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def make_step(case, graph):
    cell, inputs, hidden, layers, steps, batch, bidirectional, readout, outputs = case
    torch.manual_seed(0)
    network, parameters = make_network(*case[:5], *case[6:])
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True, capturable=graph)
    x = torch.randn(steps, batch, inputs, device="cuda")
    rows = steps * batch if readout == "every" else batch
    if outputs == 1:
        y, loss = torch.rand(rows, 1, device="cuda"), nn.MSELoss()
    else:
        y, loss = torch.randint(0, outputs, (rows,), device="cuda"), nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=not graph)
        loss(network(x), y).backward()
        optimizer.step()

    if not graph:
        return step
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(5):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        step()
    return captured.replay


def peer_milliseconds(name, case, seconds):
    """Eager and captured; None for a way that does not work."""
    times = {}
    for way, graph in (("eager", False), ("graph", True)):
        try:
            times[way] = median_milliseconds(make_step(case, graph), seconds)
        except RuntimeError as error:
            print(f"{name}, {way}: {error}".splitlines()[0], file=sys.stderr)
            times[way] = None
    return times


def read_cases(path):
    """The report's last line, which is the whole report; nothing where the run did not end well."""
    try:
        with open(path) as file:
            report = json.loads(file.read().strip().splitlines()[-1])
        return report.get("device"), report["cases"]
    except (OSError, ValueError, IndexError, KeyError):
        return None, []


def cell(value, digits=4, unit=""):
    return "–" if value is None else f"{value:.{digits}f}{unit}"


def ratio(other, own):
    return None if other is None or own is None else other / own


def main():
    folder = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    has_torch = torch is not None and torch.cuda.is_available()
    device, cases = read_cases(os.path.join(folder, "bench.json"))
    _, engines = read_cases(os.path.join(folder, "engines.json"))
    ours = {c["name"]: c for c in cases}
    cudnn = {c["name"]: c["milliseconds"]["median"] for c in engines if c.get("engine") == "cudnn"}
    if has_torch:
        device = torch.cuda.get_device_name()
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    version = f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}" if has_torch else "no PyTorch"
    print(f"{device}, {version}, {time.strftime('%Y-%m-%d')}; milliseconds a step, median, tf32\n")
    print("| case | recur | engine | recur with cuDNN's best | PyTorch eager | PyTorch graph | against PyTorch's better | against cuDNN's best |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    results = {}
    for name, case in CASES.items():
        peer = peer_milliseconds(name, case, seconds) if has_torch else {"eager": None, "graph": None}
        results[name] = peer
        own = ours[name]["milliseconds"]["median"] if name in ours else None
        engine = ours[name].get("engine") or "–" if name in ours else "–"
        better = min((t for t in peer.values() if t), default=None)
        row = [name, cell(own), engine, cell(cudnn.get(name)), cell(peer["eager"]), cell(peer["graph"]),
               cell(ratio(better, own), 2, " ×"), cell(ratio(cudnn.get(name), own), 2, " ×")]
        print(f"| {' | '.join(row)} |", flush=True)
    if has_torch:
        with open(os.path.join(folder, "peer.json"), "w") as file:
            json.dump({"device": device, "torch": torch.__version__, "milliseconds": results}, file)


main()
