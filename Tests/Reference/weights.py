#!/usr/bin/env python3
"""Makes weights.json beside this file with PyTorch: `python weights.py`.

Networks of a bare nn module and an nn.Linear whose parameters follow a formula, as a state_dict saved by safetensors has them: their
outputs for windows of a series, and their parameters after one step of SGD over all training windows, whole and with parts frozen
(`requires_grad_(False)`), with the norm of the gradient limited. In float64 from float32 parameters and rows.
"""
import math

import torch
from torch import nn

from generate import packed, wave, write

WINDOW, TRAIN, ROWS, RATE, CLIP = 4, 37, 60, 0.5, 0.25
NETWORKS = [
    ("rnn", dict(hidden_size=5)),
    ("gru", dict(hidden_size=5, num_layers=2)),
    ("lstm", dict(hidden_size=5, num_layers=2)),
    ("lstm", dict(hidden_size=5, bidirectional=True)),
    ("lstm", dict(hidden_size=6, num_layers=2, proj_size=3)),
    ("gru", dict(hidden_size=4, num_layers=2, bidirectional=True)),
]
# Patterns as train.freeze has them, and what they mean here.
FROZEN = [
    [], ["rnn.*"], ["fc.*"], ["rnn.*_l0*"], ["*bias*"], ["rnn.weight_hh_l0", "fc.weight"],
]


def windows():
    """Inputs [N, T, 2] and the value to predict [N, 1] of the series of TemporaryRun."""
    rows = [(math.sin(0.3 * i), 5 * math.cos(0.11 * i)) for i in range(ROWS)]
    table = torch.tensor([(a, b, a * b) for a, b in rows], dtype=torch.float64).to(torch.float32).double()
    count = ROWS - WINDOW
    inputs = torch.stack([table[i:i + WINDOW, :2] for i in range(count)])
    return inputs, table[WINDOW:, 2:]


def matches(name, patterns):
    import fnmatch
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def network(cell, options):
    rnn = getattr(nn, cell.upper())(2, batch_first=True, **options)
    width = options.get("proj_size") or options["hidden_size"]
    modules = nn.ModuleDict(dict(rnn=rnn, fc=nn.Linear(width * (2 if options.get("bidirectional") else 1), 1)))
    with torch.no_grad():
        for place, parameter in enumerate(modules.parameters()):
            parameter.copy_(0.4 * wave(tuple(parameter.shape), 0.7 * place))
    return modules.double()


def outputs(modules, inputs):
    return modules["fc"](modules["rnn"](inputs)[0][:, -1])


def flat(modules):
    return torch.cat([p.detach().flatten() for p in modules.parameters()])


def case(cell, options, frozen):
    modules = network(cell, options)
    inputs, targets = windows()
    first = outputs(modules, inputs)
    for name, parameter in modules.named_parameters():
        parameter.requires_grad_(not matches(name, frozen))
    trained = [p for p in modules.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=RATE, weight_decay=0.1)
    nn.functional.mse_loss(outputs(modules, inputs[:TRAIN]), targets[:TRAIN]).backward()
    norm = torch.nn.utils.clip_grad_norm_(trained, CLIP)
    optimizer.step()
    return dict(cell=cell, **options, frozen=frozen, names=[n for n, _ in modules.named_parameters()],
                shapes=[list(p.shape) for p in modules.parameters()], outputs=packed(first[TRAIN:TRAIN + 8]),
                norm=float(norm), parameters=packed(flat(modules)))


if __name__ == "__main__":
    write("weights.json", [case(cell, options, frozen) for cell, options in NETWORKS for frozen in FROZEN])
