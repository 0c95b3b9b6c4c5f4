"""PyTorch's times for the cases of `recur bench` on a GPU: eager, and the whole step captured in a CUDA graph with fused Adam.

usage: gpu_peer.py OUTPUT.json [RECUR_BENCH.json]    prints a table; with recur's report, its column and the ratio too
"""
import json
import statistics
import sys
import time

import torch
from torch import nn

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


class Network(nn.Module):
    def __init__(self, cell, inputs, hidden, layers, steps, bidirectional, readout, outputs):
        super().__init__()
        self.rnn = getattr(nn, cell)(inputs, hidden, layers, bidirectional=bidirectional)
        width = hidden * (2 if bidirectional else 1)
        self.readout = readout
        self.fc = nn.Linear(width * steps if readout == "all" else width, outputs)

    def forward(self, x):
        y, _ = self.rnn(x)
        if self.readout == "all":
            return self.fc(y.transpose(0, 1).reshape(y.shape[1], -1))
        return self.fc(y[-1] if self.readout == "last" else y.reshape(-1, y.shape[-1]))


def median_milliseconds(step, seconds=2.0):
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
    network = Network(cell, inputs, hidden, layers, steps, bidirectional, readout, outputs).cuda()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True, capturable=graph)
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


def main():
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    ours = {}
    if len(sys.argv) > 2:
        with open(sys.argv[2]) as file:
            text = file.read().strip().splitlines()
        ours = {c["name"]: c["milliseconds"]["median"] for c in json.loads(text[-1])["cases"]} if text else {}
    results = {}
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {time.strftime('%Y-%m-%d')}\n")
    print("| case | recur | PyTorch eager | PyTorch graph | against the better |\n| --- | --- | --- | --- | --- |")
    for name, case in CASES.items():
        eager = median_milliseconds(make_step(case, graph=False))
        try:
            graph = median_milliseconds(make_step(case, graph=True))
        except RuntimeError as error:
            print(f"{name}: no graph: {error}", file=sys.stderr)
            graph = None
        results[name] = {"eager": eager, "graph": graph}
        own = ours.get(name)
        best = min(value for value in (eager, graph) if value)
        cells = [f"{own:.4f}" if own else "–", f"{eager:.4f}", f"{graph:.4f}" if graph else "–", f"{best / own:.2f} ×" if own else "–"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    with open(sys.argv[1], "w") as file:
        json.dump({"device": torch.cuda.get_device_name(), "torch": torch.__version__, "milliseconds": results}, file)


main()
