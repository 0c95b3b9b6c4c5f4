#!/usr/bin/env python3
"""Makes the reference numbers beside this file with PyTorch: `python generate.py [KOSPI.csv]`.

Parameters and inputs are not stored: parameters follow from the seed, inputs and targets from the formulas in
`wave` and `classes`. Forward and backward run in float64 from float32 parameters and inputs.
"""
import base64
import itertools
import json
import math
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)


# --- What Tests/TestSupport/Reference.swift does too -------------------------------------------------------------


def wave(shape, phase):
    """sin(1.3 k + phase) over the flat index k, in double and rounded to float32."""
    count = math.prod(shape)
    return torch.tensor([math.sin(1.3 * k + phase) for k in range(count)], dtype=torch.float32).reshape(shape)


def classes(rows, width, ignore):
    """(5 k + k²) mod width; every third row is ignored where an index to ignore is given."""
    return torch.tensor([ignore if ignore is not None and k % 3 == 1 else (5 * k + k * k) % width
                         for k in range(rows)])


def fingerprint(tensor):
    """FNV-1a (64 bits) over 32-bit words."""
    words = tensor.contiguous().view(torch.int32) if tensor.dtype == torch.float32 else tensor
    value = 0xCBF29CE484222325
    for word in words.flatten().tolist():
        value = ((value ^ (word & 0xFFFFFFFF)) * 0x100000001B3) % 2**64
    return f"{value:016x}"


def packed(tensor):
    """Base64 of little-endian float32."""
    return base64.b64encode(tensor.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


# --- Networks ------------------------------------------------------------------------------------------------------


def architecture(cell="rnn", input=3, hidden=5, layers=1, bidirectional=False, bias=True, readout="last_step", steps=4,
                 head=("linear 2",), nonlinearity="tanh"):
    return dict(cell=cell, nonlinearity=nonlinearity, input=input, hidden=hidden, layers=layers,
                bidirectional=bidirectional, bias=bias, readout=readout, steps=steps, head=list(head))


class Network(nn.Module):
    """What `Architecture` describes, from PyTorch's own modules, built in the order in which they draw their parameters."""

    def __init__(self, a):
        super().__init__()
        self.a = a
        width = a["input"]
        self.rnn = None
        if a["cell"] != "none":
            options = {"nonlinearity": a["nonlinearity"]} if a["cell"] == "rnn" else {}
            self.rnn = getattr(nn, a["cell"].upper())(
                a["input"], a["hidden"], num_layers=a["layers"], bias=a["bias"], bidirectional=a["bidirectional"],
                **options)
            width = a["hidden"] * (2 if a["bidirectional"] else 1)
        if a["cell"] == "none" or a["readout"] == "all_steps":
            width *= a["steps"]
        self.head = nn.Sequential()
        for layer in a["head"]:
            kind, *arguments = layer.split()
            if kind == "linear":
                self.head.append(nn.Linear(width, int(arguments[0]), bias="no_bias" not in arguments))
                width = int(arguments[0])
            else:
                self.head.append({"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[kind]())
        self.width = width

    def forward(self, x, initial=None):
        """x: [T, B, F]; initial: [h0] or [h0, c0], then the result is (output, [h_n] or [h_n, c_n])."""
        steps, batch = x.shape[:2]
        if self.rnn is None:
            return self.head(x.transpose(0, 1).reshape(batch, -1))
        given = initial and (tuple(initial) if len(initial) == 2 else initial[0])
        output, state = self.rnn(x, given)
        final = list(state) if isinstance(state, tuple) else [state]
        state = final[0]
        readout = self.a["readout"]
        if readout == "last_step":
            read = output[-1]
        elif readout == "final_state":
            last = state[-2:] if self.a["bidirectional"] else state[-1:]
            read = last.transpose(0, 1).reshape(batch, -1)
        elif readout == "all_steps":
            read = output.transpose(0, 1).reshape(batch, -1)
        else:
            read = output.reshape(steps * batch, -1)
        return (self.head(read), final) if initial else self.head(read)


def build(a, seed):
    torch.manual_seed(seed)
    return Network(a)


def flat(network, gradient=False):
    return torch.cat([(p.grad if gradient else p.detach()).flatten() for p in network.parameters()])


# --- Losses --------------------------------------------------------------------------------------------------------

LOSSES = [
    dict(name="mse"),
    dict(name="mae"),
    dict(name="huber", delta=0.5),
    dict(name="bce_with_logits"),
    dict(name="cross_entropy"),
    dict(name="cross_entropy", ignore_index=-100),
    dict(name="cross_entropy", ignore_index=1, weights=[0.5, 2.0, 0.25]),
    dict(name="cross_entropy", smoothing=0.125),
    dict(name="cross_entropy", ignore_index=-7, weights=[1.5, 0.75, 3.0], smoothing=0.25),
]


def evaluate(loss, output, phase):
    """(sum, weight, mean) of a loss; the mean is PyTorch's own."""
    rows, width = output.shape
    if loss["name"] == "cross_entropy":
        ignore = loss.get("ignore_index")
        target = classes(rows, width, ignore)
        weights = torch.tensor(loss["weights"], dtype=output.dtype) if "weights" in loss else None
        options = dict(weight=weights, ignore_index=-100 if ignore is None else ignore,
                       label_smoothing=loss.get("smoothing", 0.0))
        kept = target[target != options["ignore_index"]]
        weight = float(weights[kept].sum()) if weights is not None else float(len(kept))
        call = lambda reduction: F.cross_entropy(output, target, reduction=reduction, **options)
    else:
        target = wave((rows, width), phase + 0.5).to(output.dtype)
        if loss["name"] == "bce_with_logits":
            target = target.float().mul(0.5).add(0.5).to(output.dtype)
        function = {"mse": F.mse_loss, "mae": F.l1_loss, "bce_with_logits": F.binary_cross_entropy_with_logits,
                    "huber": lambda o, t, reduction: F.huber_loss(o, t, reduction=reduction, delta=loss["delta"])}
        weight = float(rows * width)
        call = lambda reduction: function[loss["name"]](output, target, reduction=reduction)
    return call("sum"), weight, call("mean")


# --- Files ---------------------------------------------------------------------------------------------------------


def write(name, value):
    """JSON with one item of a top-level list on a line."""
    lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in value)
    path = HERE / name
    path.write_text("[\n" + lines + "\n]\n")
    print(f"{name}: {len(value)} items, {path.stat().st_size:,} bytes")


def generator():
    result = []
    for seed in (0, 42, 2**32 + 7, 2**63 + 11):
        torch.manual_seed(seed)
        result.append(dict(
            seed=seed,
            uniform=fingerprint(torch.empty(1999).uniform_(-0.37, 0.51)),
            scalar_normal=fingerprint(torch.randn(15)),
            other_half=fingerprint(torch.empty(4).normal_(3, 0.1)),
            block_normal=fingerprint(torch.randn(16)),
            long_normal=fingerprint(torch.empty(100_003).normal_(0.3, 1.7)),
            short_normal=fingerprint(torch.randn(3)),
            permutation=fingerprint(torch.randperm(1000))))
    return result


CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
READOUTS = ["last_step", "final_state", "all_steps", "every_step"]
HEADS = [["linear 3"], ["linear 7", "relu", "linear 4", "tanh", "linear 1", "sigmoid"], ["linear 2 no_bias"], []]


def parameters():
    result = []
    grid = itertools.product(["rnn", "lstm", "gru"], (1, 2, 3), (False, True), (True, False), range(len(HEADS)))
    for index, (cell, layers, bidirectional, bias, head) in enumerate(grid):
        a = architecture(cell, 4, (8, 13, 128)[index % 3], layers, bidirectional, bias,
                         READOUTS[index % 4], 5, HEADS[head])
        seed = (42, 0, 7, 1234567, 2**40 + 3)[index % 5]
        values = flat(build(a, seed))
        result.append(dict(architecture=a, seed=seed, count=len(values), first=packed(values[:2]),
                           last=packed(values[-2:]), fingerprint=fingerprint(values)))
    for a in (architecture("none", 10, 0, steps=1, head=["linear 20", "relu", "linear 1"]),
              architecture("none", 3, 0, steps=7, head=["linear 5 no_bias", "tanh", "linear 2"])):
        values = flat(build(a, 42))
        result.append(dict(architecture=a, seed=42, count=len(values), first=packed(values[:2]),
                           last=packed(values[-2:]), fingerprint=fingerprint(values)))
    return result


def backward(a, loss, batch, seed):
    """The network after the backward pass of its mean loss, with its output, summed loss and weight."""
    network = build(a, seed).double()
    output = network(wave((a["steps"], batch, a["input"]), seed).double())
    total, weight, mean = evaluate(loss, output, seed)
    assert abs(total.item() / weight - mean.item()) < 1e-12 * max(1, abs(mean.item())), (a, loss)
    mean.backward()
    return network, output.detach(), total.item(), weight


def gradient_case(a, loss, batch, seed):
    network, output, total, weight = backward(a, loss, batch, seed)
    return dict(architecture=a, loss=loss, batch=batch, seed=seed, sum=total, weight=weight, output=packed(output),
                gradient=packed(flat(network, gradient=True)))


def gradients():
    """Every cell × layers × directions × bias × readout, each with one loss; every pair of a choice and a loss occurs."""
    result, pairs = [], set()
    grid = list(itertools.product(CELLS, (1, 2, 3), (False, True), (True, False), READOUTS))
    for index, (cell, layers, bidirectional, bias, readout) in enumerate(grid):
        a = architecture(cell[0], 3, 5, layers, bidirectional, bias, readout, 4, ["linear 3"], cell[1])
        number = (index * 7 + index // len(LOSSES)) % len(LOSSES)
        pairs |= {(choice, number) for choice in [cell, layers, ("D", bidirectional), ("b", bias), readout]}
        result.append(gradient_case(a, LOSSES[number], 3, index))
    assert len(pairs) == len(LOSSES) * (len(CELLS) + 3 + 2 + 2 + len(READOUTS))
    # Widths around the ends of a vector, one step, one sample, heads of several layers and none.
    shapes = [(8, 1, 4), (12, 2, 1), (16, 5, 3), (17, 3, 6), (33, 1, 3)]
    for index, (cell, (hidden, batch, steps)) in enumerate(itertools.product(CELLS, shapes)):
        head = [["linear 4", "tanh", "linear 3"], ["linear 3", "sigmoid"], ["linear 6", "relu", "linear 3 no_bias"],
                ["tanh", "linear 3"]][index % 4]
        a = architecture(cell[0], (1, 4, 9)[index % 3], hidden, 1 + index % 2, index % 3 == 1, True,
                         READOUTS[index % 4], steps, head, cell[1])
        loss = [0, 2, 4][index % 3]
        result.append(gradient_case(a, LOSSES[loss], batch, 1000 + index))
    for index, readout in enumerate(READOUTS):
        a = architecture("lstm", 2, 6, 2, True, True, readout, 3, [])
        result.append(gradient_case(a, LOSSES[index % 3], 2, 2000 + index))
    for index, head in enumerate([["linear 20", "relu", "linear 3"], ["linear 4 no_bias", "sigmoid", "linear 3"]]):
        a = architecture("none", 5, 0, steps=1 + 2 * index, head=head)
        result.append(gradient_case(a, LOSSES[4 * index], 6, 3000 + index))
    return result


def projection_case(a, loss, batch, seed):
    """Of every gradient tensor the norm and its parts along wave(0.1) and wave(2.3)."""
    network, _, total, _ = backward(a, loss, batch, seed)
    numbers = []
    for g in (p.grad.flatten() for p in network.parameters()):
        numbers += [g.norm(), *(g @ wave((len(g),), phase).double() for phase in (0.1, 2.3))]
    return dict(architecture=a, loss=loss, batch=batch, seed=seed, sum=total, projections=packed(torch.stack(numbers)))


def projections():
    """The whole product with each kind of loss."""
    kinds = [LOSSES[0:1], LOSSES[1:2], LOSSES[2:3], LOSSES[3:4], LOSSES[4:]]
    grid = itertools.product(CELLS, (1, 2, 3), (False, True), (True, False), READOUTS, kinds)
    result = []
    for index, (cell, layers, bidirectional, bias, readout, kind) in enumerate(grid):
        a = architecture(cell[0], 2, 9, layers, bidirectional, bias, readout, 3, ["linear 3"], cell[1])
        loss, seed = kind[index // 5 % len(kind)], 5000 + index
        result.append(projection_case(a, loss, 2, seed))
    return result


def sizes():
    """Sizes with more than one tile in every direction, whole and with a rest."""
    shapes = [  # input, hidden, batch, steps, layers, bidirectional, readout, outputs
        (28, 12, 128, 28, 2, True, "all_steps", 10), (64, 100, 37, 12, 1, False, "last_step", 10),
        (7, 128, 64, 9, 2, False, "every_step", 96), (65, 50, 17, 20, 1, True, "final_state", 3),
        (1, 256, 9, 5, 1, False, "last_step", 1), (130, 48, 8, 6, 1, False, "all_steps", 33),
        (3, 24, 25, 60, 3, True, "every_step", 5), (16, 16, 1, 1, 1, False, "last_step", 16),
        (4, 8, 20, 5, 2, False, "all_steps", 1), (5, 40, 50, 7, 1, True, "last_step", 12)]
    result = []
    for index, (cell, shape) in enumerate(itertools.product(CELLS, shapes)):
        inputs, hidden, batch, steps, layers, bidirectional, readout, outputs = shape
        a = architecture(cell[0], inputs, hidden, layers, bidirectional, True, readout, steps, [f"linear {outputs}"], cell[1])
        result.append(projection_case(a, LOSSES[0 if outputs == 1 else 4], batch, 9000 + index))
    wide = architecture("none", 300, 0, steps=3, head=["linear 130", "relu", "linear 70", "tanh", "linear 9"])
    return result + [projection_case(wide, LOSSES[4], 50, 9100)]


def states():
    """Given h0 and c0, and a loss that reads h_n and c_n too: mean squared error + h_n · wave(0.7) + c_n · wave(1.9)."""
    result = []
    for index, (cell, bidirectional, bias) in enumerate(itertools.product(CELLS, (False, True), (False, True))):
        a = architecture(cell[0], 3, 9, 2, bidirectional, bias, READOUTS[index % 4], 4, ["linear 2"], cell[1])
        batch, seed = 3, 7000 + index
        network = build(a, seed).double()
        shape = (a["layers"] * (2 if bidirectional else 1), batch, a["hidden"])
        initial = [wave(shape, phase).double().requires_grad_() for phase in (0.2, 1.1)][:2 if cell[0] == "lstm" else 1]
        output, final = network(wave((a["steps"], batch, a["input"]), seed).double(), initial)
        mean = evaluate(LOSSES[0], output, seed)[2]
        (mean + sum((f * wave(shape, phase).double()).sum() for f, phase in zip(final, (0.7, 1.9)))).backward()
        result.append(dict(
            architecture=a, batch=batch, seed=seed, output=packed(output), final=[packed(f) for f in final],
            initial_gradient=[packed(i.grad) for i in initial], gradient=packed(flat(network, gradient=True))))
    return result


def packed_lengths(count, longest):
    """Lengths from 1 to `longest`, longest first, some of them equal."""
    return sorted((1 + (7 * k * k + 3 * k) % longest for k in range(count)), reverse=True)


def run_packed(network, lengths, x, initial):
    """x: [sum of lengths, F], step by step without padding. Returns (output rows of the head, [h_n] or [h_n, c_n])."""
    sizes = torch.tensor([sum(n > t for n in lengths) for t in range(lengths[0])])
    given = initial and (tuple(initial) if len(initial) == 2 else initial[0])
    output, state = network.rnn(nn.utils.rnn.PackedSequence(x, sizes), given)
    final = list(state) if isinstance(state, tuple) else [state]
    readout = network.a["readout"]
    if readout == "every_step":
        read = output.data
    elif readout == "last_step":
        starts = [0, *sizes.cumsum(0).tolist()]
        read = output.data[[starts[n - 1] + row for row, n in enumerate(lengths)]]
    else:
        last = final[0][-2:] if network.a["bidirectional"] else final[0][-1:]
        read = last.transpose(0, 1).reshape(len(lengths), -1)
    return network.head(read), final


def lengths():
    """Sequences of different lengths as PackedSequence; with h0 and c0 every other time, and a loss that reads h_n and c_n."""
    result = []
    readouts = ("last_step", "final_state", "every_step")
    grid = itertools.product(CELLS, (1, 2), (False, True), readouts, [(5, 7, 6), (40, 37, 23)])
    for index, (cell, layers, bidirectional, readout, (hidden, batch, longest)) in enumerate(grid):
        a = architecture(cell[0], 3, hidden, layers, bidirectional, True, readout, longest, ["linear 2"], cell[1])
        seed, steps = 11000 + index, packed_lengths(batch, longest)
        network = build(a, seed).double()
        shape = (layers * (2 if bidirectional else 1), batch, hidden)
        states = 2 if cell[0] == "lstm" else 1
        initial = None
        if index // 2 % 2:
            initial = [wave(shape, phase).double().requires_grad_() for phase in (0.2, 1.1)][:states]
        output, final = run_packed(network, steps, wave((sum(steps), a["input"]), seed).double(), initial)
        mean = evaluate(LOSSES[0], output, seed)[2]
        (mean + sum((f * wave(shape, phase).double()).sum() / 50 for f, phase in zip(final, (0.7, 1.9)))).backward()
        numbers = []
        for g in [p.grad.flatten() for p in network.parameters()] + [i.grad.flatten() for i in initial or []]:
            numbers += [g.norm(), *(g @ wave((len(g),), phase).double() for phase in (0.1, 2.3))]
        whole = hidden < 40
        flatten = output.detach().flatten()
        result.append(dict(
            architecture=a, lengths=steps, seed=seed, initial=initial is not None,
            output=packed(flatten if whole else flatten[::7]), projections=packed(torch.stack(numbers))))
    return result


class LanguageModel(nn.Module):
    """As PyTorch's example word_language_model: tokens, vectors, recurrent layers, one linear layer."""

    def __init__(self, a, vocabulary, width, tied, start):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        options = {"nonlinearity": a["nonlinearity"]} if a["cell"] == "rnn" else {}
        self.rnn = getattr(nn, a["cell"].upper())(width, a["hidden"], num_layers=a["layers"], **options)
        self.fc = nn.Linear(a["hidden"], vocabulary)
        if tied:
            self.fc.weight = self.embedding.weight
        if start:
            for p in self.parameters():
                nn.init.uniform_(p, -start, start)


def language():
    """Truncated back-propagation through time: four windows of three streams, SGD with clipping after each (float64)."""
    result = []
    grid = itertools.product(CELLS, [(11, 9, False, 0.0), (50, 9, False, 0.25), (11, 12, True, 0.0), (50, 12, True, 0.1)])
    for index, (cell, (vocabulary, hidden, tied, start)) in enumerate(grid):
        layers, steps, streams, windows = 1 + index % 2, 6, 3, 4
        width = hidden if tied else 7
        a = architecture(cell[0], 0, hidden, layers, False, True, "every_step", steps, [f"linear {vocabulary}"], cell[1])
        seed = 12000 + index
        torch.manual_seed(seed)
        network = LanguageModel(a, vocabulary, width, tied, start)
        first = fingerprint(flat(network))
        network = network.double()
        # One token more than a window's: targets are the next ones.
        tokens = classes(windows * steps * streams + 1, vocabulary, None)
        state, losses, states = None, [], []
        for window in range(windows):
            place = lambda t, b: b * windows * steps + window * steps + t
            inputs = torch.tensor([[tokens[place(t, b)] for b in range(streams)] for t in range(steps)])
            targets = torch.tensor([tokens[place(t, b) + 1] for t in range(steps) for b in range(streams)])
            network.zero_grad()
            output, state = network.rnn(network.embedding(inputs), state)
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            mean = F.cross_entropy(network.fc(output.reshape(steps * streams, -1)), targets)
            mean.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.5)
            with torch.no_grad():
                for p in network.parameters():
                    p -= 0.7 * p.grad
            losses.append(mean.item())
        final = list(state) if isinstance(state, tuple) else [state]
        result.append(dict(
            architecture=a, vocabulary=vocabulary, width=width, tied=tied, start=start, seed=seed, fingerprint=first,
            losses=losses, final=[packed(f) for f in final], parameters=packed(flat(network))))
    return result


class EncoderDecoder(nn.Module):
    """Encoder and decoder of one cell, attention after Luong et al. 2015 without input feeding."""

    def __init__(self, a, source, target, width, attention):
        super().__init__()
        self.a, self.attends = a, attention
        cell = getattr(nn, a["cell"].upper())
        options = {"nonlinearity": a["nonlinearity"]} if a["cell"] == "rnn" else {}
        both = a["hidden"] * (2 if a["bidirectional"] else 1)
        self.embedding = nn.Embedding(source, width)
        self.rnn = cell(width, a["hidden"], num_layers=a["layers"], bidirectional=a["bidirectional"], **options)
        self.decoder_embedding = nn.Embedding(target, width)
        self.decoder = cell(width, both, num_layers=a["layers"], **options)
        if attention == "general":
            self.attention = nn.Linear(both, both, bias=False)
        if attention != "none":
            self.combine = nn.Linear(2 * both, both, bias=False)
        self.fc = nn.Linear(both, target)

    def forward(self, source, target):
        """One pair without padding: [S], [T] → [T, V]."""
        memory, state = self.rnn(self.embedding(source))
        layers, both = self.a["layers"], self.decoder.hidden_size
        side = lambda s: s.reshape(layers, both)
        state = tuple(side(s) for s in state) if isinstance(state, tuple) else side(state)
        output, _ = self.decoder(self.decoder_embedding(target), state)
        if self.attends != "none":
            keys = self.attention(memory) if self.attends == "general" else memory
            weights = (output @ keys.T).softmax(-1)
            output = torch.tanh(self.combine(torch.cat([weights @ memory, output], -1)))
        return self.fc(output)


def pairs():
    """Encoder-decoders: mean cross entropy over the targets' steps, gradients as in `projections` (float64)."""
    result = []
    grid = itertools.product(CELLS, (False, True), ("none", "dot", "general"))
    for index, (cell, bidirectional, attention) in enumerate(grid):
        source, target, width, layers = (40 if index % 2 else 6), (30 if index % 3 else 7), 5, 1 + index % 2
        a = architecture(cell[0], 0, 6, layers, bidirectional, True, "every_step", 8, [f"linear {target}"], cell[1])
        seed = 13000 + index
        torch.manual_seed(seed)
        network = EncoderDecoder(a, source, target, width, attention)
        first = fingerprint(flat(network))
        network = network.double()
        lengths = [(3, 5), (8, 1), (1, 4), (5, 6), (8, 3)]
        total, count, outputs = 0.0, sum(t for _, t in lengths), []
        for b, (s, t) in enumerate(lengths):
            tokens = classes(s + 2 * b, source, None)[2 * b:]
            steps = classes(t + 1 + 3 * b, target, None)[3 * b:]
            outputs.append(network(tokens, torch.cat([torch.zeros(1, dtype=torch.long), steps[1:-1]])[:t]))
            total = total + F.cross_entropy(outputs[-1], steps[1:], reduction="sum")
        (total / count).backward()
        numbers = []
        for g in (p.grad.flatten() for p in network.parameters()):
            numbers += [g.norm(), *(g @ wave((len(g),), phase).double() for phase in (0.1, 2.3))]
        result.append(dict(
            architecture=a, source=source, target=target, width=width, attention=attention, seed=seed, lengths=lengths,
            fingerprint=first, sum=total.item(), outputs=[packed(o) for o in outputs],
            projections=packed(torch.stack(numbers))))
    return result


class NumberDecoder(nn.Module):
    """Encoder and decoder of one cell for numbers behind a window, attention as in `EncoderDecoder`."""

    def __init__(self, a, steps, targets, known, parameters, attention):
        super().__init__()
        self.a, self.attends, self.steps, self.targets, self.known = a, attention, steps, targets, known
        cell = getattr(nn, a["cell"].upper())
        options = {"nonlinearity": a["nonlinearity"]} if a["cell"] == "rnn" else {}
        both = a["hidden"] * (2 if a["bidirectional"] else 1)
        self.rnn = cell(a["input"], a["hidden"], num_layers=a["layers"], bidirectional=a["bidirectional"], **options)
        self.decoder = cell(targets + known, both, num_layers=a["layers"], **options)
        if attention == "general":
            self.attention = nn.Linear(both, both, bias=False)
        if attention != "none":
            self.combine = nn.Linear(2 * both, both, bias=False)
        self.fc = nn.Linear(both, targets * parameters)

    def step(self, memory, state, row):
        """One step of the decoder for all windows: [B, inputs] → [B, outputs]."""
        output, state = self.decoder(row.unsqueeze(0), state)
        output = output[0]
        if self.attends != "none":
            keys = self.attention(memory) if self.attends == "general" else memory
            weights = torch.einsum("bh,tbh->bt", output, keys).softmax(-1)
            output = torch.tanh(self.combine(torch.cat([torch.einsum("bt,tbh->bh", weights, memory), output], -1)))
        return self.fc(output), state

    def forward(self, window, first, read, taught=None):
        """[T, B, F], what the first step reads in the place of a number → [B, steps · outputs].

        read: the numbers a step reads, from the outputs of the one before. taught: the right ones, [B, steps, targets]."""
        memory, state = self.rnn(window)
        layers, both, batch = self.a["layers"], self.decoder.hidden_size, window.shape[1]
        side = lambda s: s.reshape(layers, -1, batch, self.a["hidden"]).transpose(1, 2).reshape(layers, batch, both)
        state = tuple(side(s) for s in state) if isinstance(state, tuple) else side(state)
        known = window[-1, :, window.shape[2] - self.steps * self.known:].reshape(batch, self.steps, self.known)
        before, outputs = first, []
        for k in range(self.steps):
            output, state = self.step(memory, state, torch.cat([before, known[:, k]], -1))
            outputs.append(output)
            before = read(output) if taught is None else taught[:, k]
        return torch.cat(outputs, -1)


def number_decoders():
    """Decoders of numbers: outputs with teacher forcing and as predicted, gradients as in `projections` (float64)."""
    result = []
    grid = itertools.product(CELLS, (False, True), ("none", "dot", "general"))
    losses = ("mse", "quantile", "gaussian_nll", "poisson")
    parameters = dict(mse=1, quantile=3, gaussian_nll=2, poisson=1)
    for index, (cell, bidirectional, attention) in enumerate(grid):
        loss = losses[(index + index // 4) % 4]
        layers, targets, steps, known, batch = 1 + index % 2, 1 + index // 2 % 2, 2 + index % 3, index % 3, 4
        a = architecture(
            cell[0], 3 + steps * known, 6, layers, bidirectional, True, "every_step", 7,
            [f"linear {targets * parameters[loss]}"], cell[1])
        seed = 14000 + index
        torch.manual_seed(seed)
        network = NumberDecoder(a, steps, targets, known, parameters[loss], attention)
        first_bits = fingerprint(flat(network))
        network = network.double()
        window = wave((a["steps"], batch, a["input"]), 0.3).double()
        actual = wave((batch, steps, targets), 1.7).double()
        if loss == "poisson":
            actual = (3 * (wave((batch, steps, targets), 1.7) + 1)).round().double()
        first = torch.zeros(batch, targets, dtype=torch.float64)
        if loss != "poisson":
            first[:, 0] = window[-1, :, 0]

        def split(output):
            return output.reshape(output.shape[0], -1, parameters[loss])

        def read(output):
            x = split(output)
            if loss == "quantile":
                return x.sort(-1).values[..., 1]
            return torch.log1p(F.softplus(x[..., 0])) if loss == "poisson" else x[..., 0]

        taught = network(window, first, read, torch.log1p(actual) if loss == "poisson" else actual)
        predicted = network(window, first, read)
        x, y = split(taught), actual.reshape(batch, -1)
        if loss == "mse":
            total = ((x[..., 0] - y) ** 2).sum()
        elif loss == "quantile":
            levels = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
            d = y[..., None] - x
            total = torch.maximum(levels * d, (levels - 1) * d).mean(-1).sum()
        elif loss == "gaussian_nll":
            deviation = F.softplus(x[..., 1]) + 1e-3
            total = F.gaussian_nll_loss(x[..., 0], y, deviation**2, full=True, eps=1e-6, reduction="sum")
        else:
            rate = F.softplus(x[..., 0])
            total = -torch.distributions.Poisson(rate).log_prob(y).sum()
        (total / y.numel()).backward()
        numbers = []
        for g in (p.grad.flatten() for p in network.parameters()):
            numbers += [g.norm(), *(g @ wave((len(g),), phase).double() for phase in (0.1, 2.3))]
        result.append(dict(
            architecture=a, targets=targets, steps=steps, known=known, batch=batch, loss=loss, attention=attention,
            seed=seed, fingerprint=first_bits, sum=total.item(), taught=packed(taught), predicted=packed(predicted),
            projections=packed(torch.stack(numbers))))
    return result


def adam():
    """Parameters after ten Adam steps (float64), step k on the inputs and targets of phase seed + k."""
    result = []
    grid = [(c, l, d, r) for c in CELLS for l, d, r in ((1, False, "last_step"), (2, True, "all_steps"))]
    for index, (cell, layers, bidirectional, readout) in enumerate(grid):
        a = architecture(cell[0], 4, 8, layers, bidirectional, True, readout, 5, ["linear 2"], cell[1])
        batch, lr, seed = 6, 1e-2, 100 + index

        def train(dtype):
            network = build(a, seed).to(dtype)
            optimizer = torch.optim.Adam(network.parameters(), lr=lr)
            losses = []
            for step in range(10):
                optimizer.zero_grad()
                output = network(wave((a["steps"], batch, a["input"]), seed + step).to(dtype))
                mean = evaluate(dict(name="mse"), output, seed + step)[2]
                mean.backward()
                optimizer.step()
                losses.append(float(mean.detach()))
            return flat(network), losses

        values, losses = train(torch.float64)
        assert (train(torch.float32)[0] - values).norm() < 2e-6 * values.norm()
        result.append(dict(architecture=a, batch=batch, lr=lr, seed=seed, losses=losses, parameters=packed(values)))
    return result


OPTIMIZERS = [
    dict(name="sgd", lr=0.1),
    dict(name="sgd", lr=0.1, momentum=0.9),
    dict(name="sgd", lr=0.1, momentum=0.9, dampening=0.3),
    dict(name="sgd", lr=0.1, momentum=0.9, nesterov=True),
    dict(name="sgd", lr=0.1, weight_decay=0.01),
    dict(name="sgd", lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.05),
    dict(name="adam", lr=0.01),
    dict(name="adam", lr=0.01, betas=[0.8, 0.99], eps=1e-4, weight_decay=0.1),
    dict(name="adamw", lr=0.01),
    dict(name="adamw", lr=0.02, betas=[0.85, 0.98], weight_decay=0.3),
    dict(name="rmsprop", lr=0.01),
    dict(name="rmsprop", lr=0.02, alpha=0.9, eps=1e-5, weight_decay=0.1),
    dict(name="rmsprop", lr=0.02, momentum=0.9),
]


def optimizers():
    """Start wave(23, 1); gradient of step k (from 0) wave(23, 2 + k); the parameters after steps 1, 2, 3 and 10 (float64)."""
    classes_ = dict(sgd=torch.optim.SGD, adam=torch.optim.Adam, adamw=torch.optim.AdamW, rmsprop=torch.optim.RMSprop)
    result = []
    for options in OPTIMIZERS:
        p = nn.Parameter(wave((23,), 1).double())
        arguments = {k: tuple(v) if k == "betas" else v for k, v in options.items() if k != "name"}
        optimizer = classes_[options["name"]]([p], **arguments)
        after = {}
        for step in range(10):
            p.grad = wave((23,), 2 + step).double()
            optimizer.step()
            if step + 1 in (1, 2, 3, 10):
                after[str(step + 1)] = packed(p)
        result.append(dict(options=options, after=after))
    return result


def schedules():
    """Learning rates. `rates[k]` is in force after k calls of the scheduler's `step`."""
    s = torch.optim.lr_scheduler

    def rates(make, count, metrics=None):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
        scheduler = make(optimizer)
        result = [optimizer.param_groups[0]["lr"]]
        for k in range(count):
            optimizer.step()
            scheduler.step(*([metrics[k]] if metrics else []))
            result.append(optimizer.param_groups[0]["lr"])
        return result

    metrics = [1.0, 0.8, 0.8, 0.79995, 0.81, 0.9, 0.5, 0.5, 0.6, 0.5, 0.55, 0.7, 0.49, 0.48, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    plateau = dict(factor=0.5, patience=2, threshold=1e-4, cooldown=0, min_lr=0.02)
    cooling = dict(factor=0.1, patience=1, threshold=1e-4, cooldown=2, min_lr=0.0)
    impatient = dict(factor=0.1, patience=0, threshold=0.05, min_lr=0.0)
    result = [
        dict(name="step", options=dict(step_size=3, gamma=0.5), rates=rates(lambda o: s.StepLR(o, 3, 0.5), 12)),
        dict(name="cosine", options=dict(t_max=10, min_lr=0.01),
             rates=rates(lambda o: s.CosineAnnealingLR(o, 10, 0.01), 10)),
        dict(name="plateau", options=plateau, metrics=metrics,
             rates=rates(lambda o: s.ReduceLROnPlateau(o, **plateau), len(metrics), metrics)),
        dict(name="plateau", options=cooling, metrics=metrics,
             rates=rates(lambda o: s.ReduceLROnPlateau(o, **cooling), len(metrics), metrics)),
        dict(name="plateau", options=impatient, metrics=metrics,
             rates=rates(lambda o: s.ReduceLROnPlateau(o, **impatient), len(metrics), metrics)),
        # Step i of w (from 1) at i/w of the rate.
        dict(name="warmup", options=dict(warmup_steps=5), rates=rates(lambda o: s.LinearLR(o, 1 / 5, 1, 4), 8)),
    ]
    return result


def kospi(path):
    """Mean training loss of each of 50 epochs of the stock recipes with shuffling off (float32, as a person would run them)."""
    import csv

    import numpy as np
    rows = list(csv.DictReader(open(path)))
    table = lambda names: np.array([[float(r[n]) for n in names] for r in rows])
    scale = lambda m: (m - m.min(axis=0)) / (m.max(axis=0) - m.min(axis=0))
    x, y = scale(table(["Open", "High", "Low", "Volume"])), scale(table(["Close"]))
    window, train, batch = 5, 200, 20
    inputs = torch.tensor(np.stack([x[i:i + window] for i in range(len(x) - window)]), dtype=torch.float32)
    targets = torch.tensor(np.stack([y[i + window] for i in range(len(x) - window)]), dtype=torch.float32)
    result = []
    for cell, head in (("rnn", ["linear 1", "sigmoid"]), ("lstm", ["linear 1"]), ("gru", ["linear 1"])):
        for dtype in (torch.float32, torch.float64):
            a = architecture(cell, 4, 8, 2, False, True, "all_steps", window, head)
            network = build(a, 42).to(dtype)
            optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
            losses = []
            for _ in range(50):
                total = 0.0
                for start in range(0, train, batch):
                    optimizer.zero_grad()
                    output = network(inputs[start:start + batch].transpose(0, 1).to(dtype))
                    loss = F.mse_loss(output, targets[start:start + batch].to(dtype))
                    loss.backward()
                    optimizer.step()
                    total += float(loss.detach())
                losses.append(total / (train // batch))
            if dtype == torch.float32:
                single = losses
        worst = max(abs(a_ - b_) / b_ for a_, b_ in zip(single, losses))
        print(f"stock-{cell}: float32 and float64 differ by at most {worst:.1e}")
        result.append(dict(recipe=f"stock-{cell}", architecture=a, seed=42, windows=len(inputs), losses=single,
                           losses_float64=losses))
    return result


if __name__ == "__main__":
    write("generator.json", generator())
    write("parameters.json", parameters())
    write("gradients.json", gradients())
    write("projections.json", projections())
    write("sizes.json", sizes())
    write("states.json", states())
    write("lengths.json", lengths())
    write("language.json", language())
    write("pairs.json", pairs())
    write("number-decoders.json", number_decoders())
    write("adam.json", adam())
    write("optimizers.json", optimizers())
    write("schedules.json", schedules())
    if len(sys.argv) > 1:
        write("kospi.json", kospi(sys.argv[1]))
