#!/usr/bin/env python3
"""Makes categories.json beside this file with PyTorch: `python categories.py`.

Networks that read numbers and categories: a ModuleList of nn.Embedding(padding_idx=0) before the modules of generate.py, built in
that order. Sequences run one by one, in float64 from float32 parameters; after backward Adam takes one step.
"""
import torch
from torch import nn

from generate import Network, architecture, fingerprint, flat, packed, wave, write

CELLS = [("rnn", "tanh"), ("lstm", "tanh"), ("gru", "tanh"), ("none", "tanh")]
TABLES = [[(5, 3)], [(4, 2), (60, 7)], [(3, 1), (9, 5), (24, 17)]]


class CategoryNetwork(nn.Module):
    def __init__(self, a, tables, numbers):
        super().__init__()
        self.category_embeddings = nn.ModuleList(nn.Embedding(size, width, padding_idx=0) for size, width in tables)
        self.network = Network({**a, "input": numbers + sum(width for _, width in tables)})

    def forward(self, x, codes):
        vectors = [table(codes[..., c]) for c, table in enumerate(self.category_embeddings)]
        return self.network(torch.cat([x] + vectors, dim=-1))


def known(steps, sample, tables):
    """Codes [T, C] of a sample, never the one for what is not known."""
    return torch.tensor([[1 + (5 * k + k * k + 7 * sample + 3 * c) % (size - 1) for c, (size, _) in enumerate(tables)]
                         for k in range(steps)])


def case(index, cell, tables, numbers, readout, bidirectional, lengths):
    steps = max(lengths)
    a = architecture(cell[0], numbers, 6, 1 if cell[0] == "none" else 2, bidirectional, True, readout, steps,
                     ["linear 4", "tanh", "linear 2"], cell[1])
    seed = 14000 + index
    torch.manual_seed(seed)
    network = CategoryNetwork(a, tables, numbers)
    first = fingerprint(flat(network))
    network = network.double()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    outputs, unseen, total, count = [], [], 0.0, 0
    for sample, length in enumerate(lengths):
        x = wave((length, 1, numbers), 0.7 * sample + index).double()
        codes = known(length, sample, tables)[:, None]
        out = network(x, codes).reshape(-1, 2)
        target = wave(tuple(out.shape), 0.3 * sample + 0.5).double()
        total = total + ((out - target) ** 2).sum()
        count += out.numel()
        outputs.append(out)
        # Every third step of the last column has a category that is not known.
        codes = codes.clone()
        codes[::3, :, -1] = 0
        unseen.append(network(x, codes).reshape(-1, 2))
    (total / count).backward()
    gradient = flat(network, gradient=True)
    optimizer.step()
    return dict(architecture=a, sizes=[s for s, _ in tables], widths=[w for _, w in tables], lengths=list(lengths),
                seed=seed, fingerprint=first, output=packed(torch.cat(outputs)), unseen=packed(torch.cat(unseen)),
                gradient=packed(gradient), stepped=packed(flat(network)))


def main():
    cases = []
    for cell in CELLS:
        for tables in TABLES:
            for numbers in [3, 0]:
                # Vectors that are no multiple of anything, equal lengths and others, one direction and two.
                for readout, bidirectional, lengths in [
                        ("last_step", False, [4, 4, 4]), ("final_state", True, [5, 2, 3, 5, 1]),
                        ("every_step", False, [2, 6, 1, 3]), ("all_steps", True, [3] * 9)]:
                    plain = cell[0] == "none"
                    if plain and len(set(lengths)) > 1 or numbers == 0 and readout in ("last_step", "every_step"):
                        continue
                    bidirectional = bidirectional and not plain
                    cases.append(case(len(cases), cell, tables, numbers, readout, bidirectional, lengths))
    write("categories.json", cases)


if __name__ == "__main__":
    main()
