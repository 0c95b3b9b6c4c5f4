#!/usr/bin/env python3
"""Makes options.json, starts.json and averages.json beside this file with PyTorch: `python options.py`.

Networks with every option of a layer, written out sample by sample and step by step from the formulas; where PyTorch has a
module for them, it must agree. Parameters are 0.4·wave, masks follow from Philox4x32-10; both are made in the tests too.
"""
import itertools

import torch
from torch import nn
from torch.nn import functional as F

from generate import packed, wave, write

GATES = dict(rnn=1, lstm=4, gru=3)


# --- Masks ---------------------------------------------------------------------------------------------------------


def philox(counter, key):
    """Salmon et al. 2011."""
    c, k0, k1 = list(counter), key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(b >> 32) ^ c[1] ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k1, a & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


SEED, STEP = 11, 5


def mask(number, p, sample, time, width, block=0):
    """0 where a unit is dropped, else 1/(1 - p)."""
    p = torch.tensor(p, dtype=torch.float32).item()
    key = SEED ^ (STEP * 0x9E3779B97F4A7C15) % 2**64
    threshold = int(p * 2**32)
    words = [philox([u >> 2 | block << 28, time, sample, number], key)[u & 3] for u in range(width)]
    return torch.tensor([0.0 if word < threshold else 1 / (1 - p) for word in words], dtype=torch.float64)


# --- Networks ------------------------------------------------------------------------------------------------------


def options(cell="lstm", input=3, hidden=(5,), bidirectional=False, bias=True, readout="last_step", steps=4, outputs=2,
            lengths=None, batch=3, **others):
    a = dict(cell=cell, input=input, hidden=list(hidden), bidirectional=bidirectional, bias=bias, readout=readout,
             steps=steps, outputs=outputs, batch=batch, lengths=lengths, relu=False, dropout=0.0, input_dropout=0.0,
             locked=False, recurrent_dropout=0.0, zoneout_hidden=0.0, zoneout_cell=0.0, projection=0, layer_norm=False,
             residual=False, learned=False, peepholes=False, reset_after=True)
    assert set(others) <= set(a), others
    return {**a, **others}


class Network:
    def __init__(self, a):
        self.a, self.names, self.shapes = a, [], []
        self.directions = 2 if a["bidirectional"] else 1
        self.widths = [a["projection"] or h for h in a["hidden"]]
        for layer, hidden in enumerate(a["hidden"]):
            for suffix in ["", "_reverse"][:self.directions]:
                self.layout(layer, suffix, hidden)
        width = self.directions * self.widths[-1] * (a["steps"] if a["readout"] == "all_steps" else 1)
        self.add("fc.weight", a["outputs"], width)
        self.add("fc.bias", a["outputs"])
        counts = [torch.Size(s).numel() for s in self.shapes]
        flat = (wave((sum(counts),), 0.4) * 0.4).double()
        self.parts = [part.clone().requires_grad_() for part in torch.split(flat, counts)]
        parts = self.parts
        self.p = {name: part.reshape(shape) for name, part, shape in zip(self.names, parts, self.shapes)}

    def add(self, name, *shape):
        self.names.append(name)
        self.shapes.append(shape)

    def layout(self, layer, suffix, hidden):
        a, gates = self.a, GATES[self.a["cell"]]
        inputs = a["input"] if layer == 0 else self.directions * self.widths[layer - 1]
        at = lambda name: f"{name}_l{layer}{suffix}"
        self.add(at("weight_ih"), gates * hidden, inputs)
        self.add(at("weight_hh"), gates * hidden, self.widths[layer])
        if a["bias"] and not a["layer_norm"]:
            self.add(at("bias_ih"), gates * hidden)
            self.add(at("bias_hh"), gates * hidden)
        if a["peepholes"]:
            self.add(at("peephole"), 3 * hidden)
        if a["projection"]:
            self.add(at("weight_hr"), self.widths[layer], hidden)
        if a["layer_norm"]:
            for name, blocks in [("norm_ih", gates), ("norm_hh", gates), ("norm_c", 1)][:3 if a["cell"] == "lstm" else 2]:
                self.add(at(name) + ".weight", blocks * hidden)
                if a["bias"]:
                    self.add(at(name) + ".bias", blocks * hidden)
        if a["learned"]:
            self.add(at("h0"), self.widths[layer])
            if a["cell"] == "lstm":
                self.add(at("c0"), hidden)

    def norm(self, name, x):
        """Over all of x, or for GRU's gates over r and z together and n."""
        weight, bias = self.p[name + ".weight"], self.p.get(name + ".bias")
        hidden = len(x) // 3
        parts = [(0, 2 * hidden), (2 * hidden, 3 * hidden)] if self.a["cell"] == "gru" else [(0, len(x))]
        return torch.cat([F.layer_norm(x[i:j], (j - i,), weight[i:j], None if bias is None else bias[i:j]) for i, j in parts])

    def direction(self, layer, reverse, xs, sample, training):
        a, hidden, width = self.a, self.a["hidden"][layer], self.widths[layer]
        at = lambda name: f"{name}_l{layer}{'_reverse' if reverse else ''}"
        get = lambda name: self.p.get(at(name), 0)
        number = layer * self.directions + reverse
        h = self.p[at("h0")] if a["learned"] else torch.zeros(width, dtype=torch.float64)
        c = self.p[at("c0")] if a["learned"] and a["cell"] == "lstm" else torch.zeros(hidden, dtype=torch.float64)
        drop = 1
        if training and a["recurrent_dropout"]:
            drop = mask(0x30000000 + number, a["recurrent_dropout"], sample, 0, width)
        outputs = [None] * len(xs)
        for t in (reversed(range(len(xs))) if reverse else range(len(xs))):
            gi = get("weight_ih") @ xs[t] + get("bias_ih")
            gh = get("weight_hh") @ (h * drop) + get("bias_hh")
            if a["layer_norm"]:
                gi, gh = self.norm(at("norm_ih"), gi), self.norm(at("norm_hh"), gh)
            new_c = None
            if a["cell"] == "lstm":
                i, f, g, o = (gi + gh).chunk(4)
                pi, pf, po = get("peephole").chunk(3) if a["peepholes"] else (0, 0, 0)
                new_c = (f + pf * c).sigmoid() * c + (i + pi * c).sigmoid() * g.tanh()
                o = o + po * new_c
                inner = new_c
                if a["layer_norm"]:
                    bias = self.p.get(at("norm_c") + ".bias")
                    inner = F.layer_norm(new_c, (hidden,), self.p[at("norm_c") + ".weight"], bias)
                new = o.sigmoid() * inner.tanh()
                if a["projection"]:
                    new = get("weight_hr") @ new
            elif a["cell"] == "gru":
                (ri, zi, ni), (rh, zh, nh) = gi.chunk(3), gh.chunk(3)
                z = (zi + zh).sigmoid()
                r = (ri + rh).sigmoid()
                if not a["reset_after"]:
                    bias = get("bias_hh")[2 * hidden:] if a["bias"] else 0
                    nh, r = get("weight_hh")[2 * hidden:] @ (r * h * drop) + bias, 1
                n = (ni + r * nh).tanh()
                new = (1 - z) * n + z * h
            else:
                new = (gi + gh).relu() if a["relu"] else (gi + gh).tanh()
            h = self.zone(h, new, a["zoneout_hidden"], 0x50000000 + number, sample, t, training)
            if new_c is not None:
                c = self.zone(c, new_c, a["zoneout_cell"], 0x60000000 + number, sample, t, training)
            outputs[t] = h
        return outputs

    def zone(self, old, new, p, number, sample, t, training):
        if not p:
            return new
        p32 = torch.tensor(p, dtype=torch.float32).item()
        keep = (mask(number, p, sample, t, len(new)) == 0).double() if training else p32
        return keep * old + (1 - keep) * new

    def dropped(self, number, p, xs, sample, blocks, training):
        if not (training and p):
            return xs
        width = len(xs[0]) // blocks
        masks = [torch.cat([mask(number, p, sample, 0 if self.a["locked"] else t, width, block) for block in range(blocks)])
                 for t in range(len(xs))]
        return [x * m for x, m in zip(xs, masks)]

    def sample(self, xs, sample, training):
        """The rows that the head reads."""
        a = self.a
        xs = self.dropped(0x70000000, a["input_dropout"], xs, sample, 1, training)
        for layer in range(len(a["hidden"])):
            directions = [self.direction(layer, reverse, xs, sample, training) for reverse in range(self.directions)]
            ys = [torch.cat(parts) for parts in zip(*directions)]
            if a["residual"] and layer > 0:
                ys = [y + x for y, x in zip(ys, xs)]
            xs = ys
            if layer + 1 < len(a["hidden"]):
                xs = self.dropped(layer, a["dropout"], xs, sample, self.directions, training)
        width = self.widths[-1]
        rows = dict(last_step=[ys[-1]], every_step=ys, all_steps=[torch.cat(ys)],
                    final_state=[torch.cat([ys[-1][:width], ys[0][width:]])])[a["readout"]]
        return [self.p["fc.weight"] @ row + self.p["fc.bias"] for row in rows]

    def forward(self, phase, training):
        """[rows, outputs]; every_step is step by step, of each step the samples that are long enough."""
        a = self.a
        lengths = a["lengths"] or [a["steps"]] * a["batch"]
        rows = [(t, b) for t in range(max(lengths)) for b in range(a["batch"]) if t < lengths[b]]
        inputs = wave((len(rows), a["input"]), phase).double()
        samples = [self.sample([inputs[rows.index((t, b))] for t in range(lengths[b])], b, training) for b in range(a["batch"])]
        if a["readout"] == "every_step":
            return torch.stack([samples[b][t] for t, b in rows])
        return torch.stack([s[0] for s in samples])


def check_with_modules():
    """The same numbers from nn.LSTM, nn.GRU and nn.RNN."""
    for cell, bidirectional, projection in [(c, d, 0) for c in GATES for d in (False, True)] + [("lstm", False, 3), ("lstm", True, 3)]:
        a = options(cell, hidden=(5, 5), bidirectional=bidirectional, projection=projection, readout="every_step")
        network = Network(a)
        module = getattr(nn, cell.upper())(3, 5, num_layers=2, bidirectional=bidirectional, proj_size=projection).double() \
            if projection else getattr(nn, cell.upper())(3, 5, num_layers=2, bidirectional=bidirectional).double()
        assert [n for n, _ in module.named_parameters()] == [n for n in network.names if not n.startswith("fc")]
        for name, parameter in module.named_parameters():
            parameter.data = network.p[name].detach().clone()
        output = module(wave((4, 3, 3), 0).double())[0].reshape(12, -1)
        output = output @ network.p["fc.weight"].T + network.p["fc.bias"]
        assert (output - network.forward(0, True)).abs().max() < 1e-12, a


def case(index, a):
    network = Network(a)
    output = network.forward(index, True)
    target = wave(output.shape, index + 0.5).double()
    loss = ((output - target) ** 2).sum()
    (loss / output.numel()).backward()
    evaluation = network.forward(index, False)
    # Of every gradient tensor the norm and its parts along wave(0.1) and wave(2.3).
    numbers = []
    for g in (part.grad for part in network.parts):
        numbers += [g.norm(), *(g @ wave((len(g),), phase).double() for phase in (0.1, 2.3))]
    # What most cells have not stands only where they have it.
    given = {key: a[key] for key in a if (key, a[key]) not in [("peepholes", False), ("reset_after", True)]}
    return dict(options=given, output=packed(output), evaluation=packed(evaluation), sum=loss.item(),
                projections=packed(torch.stack(numbers)))


def cases():
    readouts = ["last_step", "final_state", "all_steps", "every_step"]
    result = []
    single = [dict(layer_norm=True), dict(layer_norm=True, bias=False), dict(recurrent_dropout=0.4),
              dict(zoneout_hidden=0.3), dict(learned=True), dict(residual=True), dict(locked=True, dropout=0.5),
              dict(locked=True, input_dropout=0.3, dropout=0.2), dict(input_dropout=0.4), dict(hidden=(5, 9, 2))]
    for change, cell, bidirectional in itertools.product(single, GATES, (False, True)):
        change = {"hidden": (5, 5), **change}
        result.append(options(cell, bidirectional=bidirectional, readout=readouts[len(result) % 4], **change))
    lstm = [dict(projection=3), dict(projection=3, bias=False), dict(zoneout_cell=0.4), dict(zoneout_hidden=0.2, zoneout_cell=0.5),
            dict(projection=3, hidden=(5, 9), residual=True), dict(projection=2, learned=True, layer_norm=True)]
    for change, bidirectional in itertools.product(lstm, (False, True)):
        change = {"hidden": (5, 5), **change}
        result.append(options(bidirectional=bidirectional, readout=readouts[len(result) % 4], **change))
    # Everything at once, sizes around the ends of a vector, sequences of different lengths.
    everything = dict(layer_norm=True, recurrent_dropout=0.2, zoneout_hidden=0.1, learned=True, locked=True, dropout=0.3,
                      input_dropout=0.1)
    for cell, bidirectional, lengths, hidden in itertools.product(
            GATES, (False, True), (None, [5, 5, 3, 1]), ((17, 17), (8, 24))):
        residual = hidden[0] == hidden[1]
        extra = dict(zoneout_cell=0.25, projection=7) if cell == "lstm" else {}
        readout = ["every_step", "last_step", "final_state"][len(result) % 3]
        result.append(options(cell, hidden=hidden, bidirectional=bidirectional, readout=readout, steps=5, batch=4,
                              lengths=lengths, residual=residual, **everything, **extra))
    result.append(options("rnn", hidden=(6,), relu=True, layer_norm=True))
    result.append(options("rnn", hidden=(6,), relu=True, zoneout_hidden=0.3))
    # Cells that torch.nn does not have.
    variants = [("lstm", dict(peepholes=True, **others)) for others in (
        {}, dict(bias=False), dict(projection=3), dict(zoneout_cell=0.4, zoneout_hidden=0.2), dict(learned=True, recurrent_dropout=0.3))]
    variants += [("gru", dict(reset_after=False, **others)) for others in (
        {}, dict(bias=False), dict(zoneout_hidden=0.3), dict(learned=True, recurrent_dropout=0.3))]
    for (cell, change), bidirectional in itertools.product(variants, (False, True)):
        hidden = (5, 5) if bidirectional else (17, 8)
        lengths = [5, 4, 4, 1] if len(result) % 3 == 0 else None
        readout = ["every_step", "last_step", "final_state"][len(result) % 3]
        result.append(options(cell, hidden=hidden, bidirectional=bidirectional, readout=readout, steps=5, batch=4,
                              lengths=lengths, **change))
    return [case(index, a) for index, a in enumerate(result)]


# --- First parameters, averages and clipping -----------------------------------------------------------------------


def starts():
    result = []
    for cell, hidden, projection, change in [
            ("lstm", 6, 0, dict(orthogonal=True, forget_bias=1.0)), ("gru", 9, 0, dict(orthogonal=True)),
            ("rnn", 10, 0, dict(orthogonal=True)), ("lstm", 8, 3, dict(orthogonal=True)),
            ("lstm", 6, 0, dict(range=0.05)), ("gru", 5, 0, dict(range=0.1, orthogonal=True)),
            ("lstm", 4, 0, dict(forget_bias=0.5))]:
        torch.manual_seed(42)
        extra = dict(proj_size=projection) if projection else {}
        module = getattr(nn, cell.upper())(3, hidden, num_layers=2, bidirectional=True, **extra)
        linear = nn.Linear(2 * (projection or hidden), 2)
        parameters = dict(module.named_parameters())
        with torch.no_grad():
            if "range" in change:
                for p in [*module.parameters(), *linear.parameters()]:
                    p.uniform_(-change["range"], change["range"])
            if change.get("orthogonal"):
                for name, p in parameters.items():
                    if "weight_hh" in name:
                        for block in p.chunk(GATES[cell]):
                            nn.init.orthogonal_(block)
            if "forget_bias" in change:
                for name, p in parameters.items():
                    if "bias" in name:
                        p[hidden:2 * hidden] = change["forget_bias"] if "bias_ih" in name else 0
        flat = torch.cat([p.detach().flatten() for p in [*module.parameters(), *linear.parameters()]])
        result.append(dict(cell=cell, hidden=hidden, projection=projection, range=change.get("range"),
                           orthogonal=change.get("orthogonal", False), forget_bias=change.get("forget_bias"),
                           parameters=packed(flat)))
    return result


def averages():
    """A vector's way under given gradients, clipped by value, and its moving average."""
    result = []
    for decay, clip in [(0.9, 0.25), (0.999, None), (0.3, 0.5), (0.0, None)]:
        module = nn.Linear(7, 1, bias=False)
        module.weight.data = wave((1, 7), 0.2)
        average = torch.optim.swa_utils.AveragedModel(module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
        optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
        steps = []
        for step in range(5):
            module.weight.grad = wave((1, 7), 0.9 + step)
            if clip:
                nn.utils.clip_grad_value_(module.parameters(), clip)
            optimizer.step()
            average.update_parameters(module)
            steps.append(dict(parameters=packed(module.weight), average=packed(average.module.weight)))
        result.append(dict(decay=decay, clip=clip, steps=steps))
    return result


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_with_modules()
    write("options.json", cases())
    write("starts.json", starts())
    write("averages.json", averages())
