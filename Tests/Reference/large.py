#!/usr/bin/env python3
"""Makes large.json beside this file with NumPy alone: `python large.py`. What large batches need, step by step as the papers write it."""
import base64
import json
import math
import pathlib

import numpy

# Two matrices and a vector after each: the optimizers look at each tensor by itself.
SHAPES = [(5, 7), (7,), (3, 4), (4,)]
COUNT = sum(math.prod(shape) for shape in SHAPES)


def wave(count, phase):
    """sin(1.3 k + phase), rounded to float32."""
    return numpy.sin(1.3 * numpy.arange(count) + phase).astype(numpy.float32).astype(float)


def packed(values):
    return base64.b64encode(numpy.asarray(values, "<f4").tobytes()).decode()


def tensors():
    start = 0
    for shape in SHAPES:
        yield slice(start, start + math.prod(shape)), len(shape) == 1
        start += math.prod(shape)


def lamb(p, g, state, t, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01, adapt_vectors=True):
    """You et al. 2020, algorithm 2, with bias correction: apex.optimizers.FusedLAMB(use_nvlamb=True, max_grad_norm=0)."""
    m, v = state.setdefault("m", numpy.zeros(COUNT)), state.setdefault("v", numpy.zeros(COUNT))
    m += (1 - betas[0]) * (g - m)
    v += (1 - betas[1]) * (g * g - v)
    for place, is_vector in tensors():
        adapts = adapt_vectors or not is_vector
        u = m[place] / (1 - betas[0] ** t) / (numpy.sqrt(v[place] / (1 - betas[1] ** t)) + eps)
        if adapts:
            u = u + weight_decay * p[place]
        norms = numpy.linalg.norm(p[place]), numpy.linalg.norm(u)
        p[place] -= lr * (norms[0] / norms[1] if adapts and min(norms) > 0 else 1) * u


def lars(p, g, state, t, lr, momentum=0.9, nesterov=False, trust=0.001, eps=1e-8, weight_decay=0, adapt_vectors=True):
    """You et al. 2017: apex.parallel.LARC(clip=False, trust_coefficient=trust) around torch.optim.SGD."""
    buffer = state.setdefault("b", numpy.zeros(COUNT))
    for place, is_vector in tensors():
        adapts = adapt_vectors or not is_vector
        norms = numpy.linalg.norm(p[place]), numpy.linalg.norm(g[place])
        decay = weight_decay if adapts else 0
        ratio = trust * norms[0] / (norms[1] + decay * norms[0] + eps) if adapts and min(norms) > 0 else 1
        d = ratio * (g[place] + decay * p[place])
        buffer[place] = d if t == 1 else momentum * buffer[place] + d
        p[place] -= lr * (d + momentum * buffer[place] if nesterov else buffer[place])


OPTIMIZERS = [
    dict(name="lamb", lr=0.02),
    dict(name="lamb", lr=0.02, weight_decay=0),
    dict(name="lamb", lr=0.01, betas=[0.8, 0.99], eps=1e-4, weight_decay=0.3, adapt_vectors=False),
    dict(name="lars", lr=10),
    dict(name="lars", lr=2, momentum=0, trust=0.02, weight_decay=0.1),
    dict(name="lars", lr=1, momentum=0.8, nesterov=True, trust=0.05, weight_decay=0.2, adapt_vectors=False),
]


def optimizers():
    """Start wave(COUNT, 1), of which the last vector is zero; gradient of step k (from 0) wave(COUNT, 2 + k)."""
    for options in OPTIMIZERS:
        p, state, after = wave(COUNT, 1), {}, {}
        p[-4:] = 0
        arguments = {key: value for key, value in options.items() if key != "name"}
        for step in range(10):
            globals()[options["name"]](p, wave(COUNT, 2 + step), state, step + 1, **arguments)
            if step + 1 in (1, 2, 3, 10):
                after[str(step + 1)] = packed(p)
        yield dict(options=options, after=after)


# 23 rows of three features in batches of 6, 6, 6 and 5; two layers.
ROWS, BATCH = 23, 6
NETWORK = [(4, 3), (4,), (1, 4), (1,)]


def rows():
    return wave(3 * ROWS, 0.2).reshape(ROWS, 3), wave(ROWS, 0.7)


def start():
    return [wave(math.prod(shape), 0.1 + index).reshape(shape) for index, shape in enumerate(NETWORK)]


def gradient(p, x, y):
    """Of the mean squared error of fc(tanh(fc0(x)))."""
    hidden = numpy.tanh(x @ p[0].T + p[1])
    d = 2 * (hidden @ p[2].T + p[3] - y[:, None]) / len(y)
    dh = d @ p[2] * (1 - hidden * hidden)
    return [dh.T @ x, dh.sum(0), d.T @ hidden, d.sum(0)]


def part(rank, count, ranks):
    share, extra = divmod(count, ranks)
    first = rank * share + min(rank, extra)
    return slice(first, first + share + (rank < extra))


class Adam:
    def __init__(self, lr):
        self.lr, self.t, self.m, self.v = lr, 0, None, None

    def step(self, p, g):
        self.t += 1
        self.m = [0.1 * b + 0.9 * a for a, b in zip(self.m or [0] * len(g), g)]
        self.v = [0.001 * b * b + 0.999 * a for a, b in zip(self.v or [0] * len(g), g)]
        return [a - self.lr * m / (1 - 0.9 ** self.t) / (numpy.sqrt(v / (1 - 0.999 ** self.t)) + 1e-8)
                for a, m, v in zip(p, self.m, self.v)]


def diloco(ranks, every, outer_lr, outer_momentum, delay=0, alpha=0.5, epochs=3):
    """Douillard et al. 2023, algorithm 1: AdamW without decay inside, SGD with Nesterov's momentum outside; an epoch ends a round. With a
    delay Douillard et al. 2025, algorithm 2, of one fragment: ways are taken so many steps before the round's end, and alpha of what a rank
    is ahead of the new parameters then stays; an epoch's last round waits."""
    (x, y), p = rows(), start()
    inner, momentum = [Adam(0.05) for _ in range(ranks)], None
    for _ in range(epochs):
        own, moved, ahead = [p] * ranks, set(), set()
        batches = [slice(first, min(first + BATCH, ROWS)) for first in range(0, ROWS, BATCH)]
        for index, batch in enumerate(batches):
            end = min((index // every + 1) * every, len(batches))
            waits = end == len(batches)
            for rank in range(ranks):
                place = part(rank, batch.stop - batch.start, ranks)
                xs, ys = x[batch][place], y[batch][place]
                if len(ys):
                    own[rank] = inner[rank].step(own[rank], gradient(own[rank], xs, ys))
                    moved.add(rank)
            if end - 1 - index == (0 if waits else delay):
                mean = [sum(a - b[i] for b in own) / len(moved | ahead) for i, a in enumerate(p)]
            if index + 1 == end:
                momentum = [outer_momentum * m + d for m, d in zip(momentum, mean)] if momentum else mean
                p = [a - outer_lr * (d + outer_momentum * m) for a, d, m in zip(p, mean, momentum)]
                share = 0 if waits or delay == 0 else alpha
                # Who takes no step is ahead of nobody.
                own = [[a + share * (rank in moved) * (b - a) for a, b in zip(p, own[rank])] for rank in range(ranks)]
                ahead = {rank for rank in range(ranks) if any((a != b).any() for a, b in zip(p, own[rank]))}
                moved = set()
    return p


def rounds():
    for ranks, every, outer_lr, outer_momentum, delay, alpha in [
            (1, 2, 0.7, 0.9, 0, 0.5), (3, 3, 0.7, 0.9, 0, 0.5), (2, 1, 0.5, 0.8, 0, 0.5), (4, 9, 1, 0, 0, 0.5), (7, 2, 0.7, 0.9, 0, 0.5),
            (1, 2, 0.7, 0.9, 1, 0.5), (2, 3, 0.7, 0.9, 2, 0.5), (3, 2, 1, 0, 1, 0), (3, 3, 0.7, 0.9, 1, 0.8), (7, 2, 0.7, 0.9, 1, 0.5)]:
        p = diloco(ranks, every, outer_lr, outer_momentum, delay, alpha)
        yield dict(ranks=ranks, every=every, outer_lr=outer_lr, outer_momentum=outer_momentum, delay=delay, alpha=alpha,
                   parameters=packed(numpy.concatenate([a.ravel() for a in p])))


BLOCK = 1024


def quantized(values, bits):
    """Whole numbers with a scale for each block, in float32: what they stand for."""
    largest, result = numpy.float32(127 if bits == 8 else 7), numpy.empty_like(values)
    for first in range(0, len(values), BLOCK):
        block = values[first:first + BLOCK]
        scale = numpy.abs(block).max() / largest
        numbers = numpy.rint(block * (numpy.float32(1) / scale)) if scale > 0 else numpy.zeros_like(block)
        result[first:first + BLOCK] = numbers * scale
    return result


def sums():
    """Three sums of 2,101 values on two ranks with error feedback; of rank r's k-th values wave(2101, r + 10 k), times r + 1."""
    ranks, count = 2, 2101
    slices = [part(rank, count, ranks) for rank in range(ranks)]
    for bits in 8, 4:
        errors, kept, result = numpy.zeros((ranks, count), "f4"), numpy.zeros(count, "f4"), numpy.empty(count, "f4")
        for k in range(3):
            values = numpy.stack([wave(count, r + 10 * k).astype("f4") * numpy.float32(r + 1) for r in range(ranks)]) + errors
            for place in slices:
                total = kept[place].copy()
                for rank in range(ranks):
                    sent = quantized(values[rank, place], bits)
                    errors[rank, place] = values[rank, place] - sent
                    total += sent
                result[place] = quantized(total, bits)
                kept[place] = total - result[place]
        yield dict(bits=bits, sums=packed(result))


def splitmix(seed, count):
    """Numbers between -1 and 1, as floats of 24 bits."""
    mask, state, result = 2**64 - 1, seed, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        word = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & mask
        word = ((word ^ word >> 27) * 0x94D049BB133111EB) & mask
        high = (word ^ word >> 31) >> 32
        result.append(((high - 2**32 if high >= 2**31 else high) >> 8) / 2**23)
    return numpy.array(result)


class PowerSGD:
    """Vogels et al. 2019, algorithms 1 and 2, on sums of gradients; errors are kept per sample."""

    def __init__(self, ranks, rank):
        self.rank, self.errors = rank, numpy.zeros((ranks, 4, 3))
        self.q = splitmix(0, 3 * rank).reshape(rank, 3)

    def sum(self, gradients, samples, counts, epoch):
        m = [g[0] + samples * e for g, e in zip(gradients, self.errors)]
        p = sum(m) @ self.q.T
        for column in range(self.rank):
            p[:, column] /= numpy.linalg.norm(p[:, column]) + 1e-8
            for other in range(column + 1, self.rank):
                p[:, other] -= (p[:, column] @ p[:, other]) * p[:, column]
        self.q = p.T @ sum(m)
        total = p @ self.q
        self.errors = numpy.array([(a - total / len(m)) / samples for a in m])
        return [total] + [sum(g[i] for g in gradients) for i in range(1, 4)]


class TopK:
    """Lin et al. 2018, algorithm 4: limits of a norm or of elements hold for each rank's part of the mean gradient, divided by the root of the
    ranks' number; the share falls by equal factors at first."""

    def __init__(self, ranks, share, momentum, norm=None, value=None, warmup=0):
        self.share, self.momentum, self.norm, self.value, self.warmup = share, momentum, norm, value, warmup
        self.u = [[numpy.zeros(shape) for shape in NETWORK] for _ in range(ranks)]
        self.v = [[numpy.zeros(shape) for shape in NETWORK] for _ in range(ranks)]

    def clipped(self, own, count):
        """count: rows of a rank; of its mean gradient, the root of the ranks' number times the limit is 1 / root of it for its part."""
        reach = len(self.u) ** 0.5 * count
        if self.norm and count:
            length = sum((g * g).sum() for g in own) ** 0.5
            own = [g * min(1, self.norm * reach / (length + 1e-6 * count)) for g in own]
        return [numpy.clip(g, -self.value * reach, self.value * reach) for g in own] if self.value else own

    def sum(self, gradients, samples, counts, epoch):
        total = [numpy.zeros(shape) for shape in NETWORK]
        share = self.share ** ((epoch + 1) / (self.warmup + 1)) if epoch < self.warmup else self.share
        for rank, own in enumerate(gradients):
            for i, g in enumerate(self.clipped(own, counts[rank])):
                u, v = self.u[rank][i], self.v[rank][i]
                u[...] = self.momentum * u + g / samples
                v += u
                chosen = numpy.argsort(-abs(v.ravel()), kind="stable")[:math.ceil(share * v.size)]
                total[i].ravel()[chosen] += samples * v.ravel()[chosen]
                u.ravel()[chosen] = v.ravel()[chosen] = 0
        return total


def saving(make, ranks, lr, epochs=3):
    """Plain SGD on what a way to send less makes of the ranks' sums of gradients."""
    (x, y), p, sums = rows(), start(), make(ranks)
    for epoch in range(epochs):
        for first in range(0, ROWS, BATCH):
            batch = slice(first, min(first + BATCH, ROWS))
            count = batch.stop - batch.start
            places = [part(rank, count, ranks) for rank in range(ranks)]
            own = [[len(y[batch][place]) * g for g in gradient(p, x[batch][place], y[batch][place])]
                   if place.stop > place.start else [numpy.zeros(shape) for shape in NETWORK] for place in places]
            p = [a - lr * g / count for a, g in zip(p, sums.sum(own, count, [place.stop - place.start for place in places], epoch))]
    return packed(numpy.concatenate([a.ravel() for a in p]))


def compressions():
    for ranks in 1, 2, 3, 7:
        yield dict(ranks=ranks, settings="compress: powersgd, powersgd_rank: 1", lr=0.1,
                   parameters=saving(lambda n: PowerSGD(n, 1), ranks, 0.1))
        yield dict(ranks=ranks, settings="compress: topk, topk_share: 0.3, topk_momentum: 0.9", lr=0.05,
                   parameters=saving(lambda n: TopK(n, 0.3, 0.9), ranks, 0.05))
        yield dict(ranks=ranks, settings="compress: topk, topk_share: 0.1, topk_momentum: 0.9, topk_warmup_epochs: 2", lr=0.05,
                   clip="clip_norm: 0.5", parameters=saving(lambda n: TopK(n, 0.1, 0.9, norm=0.5, warmup=2), ranks, 0.05))
        yield dict(ranks=ranks, settings="compress: topk, topk_share: 0.3", lr=0.05, clip="clip_value: 0.2",
                   parameters=saving(lambda n: TopK(n, 0.3, 0, value=0.2), ranks, 0.05))


if __name__ == "__main__":
    sections = dict(shapes=SHAPES, optimizers=list(optimizers()), rounds=list(rounds()), sums=list(sums()),
                    compressions=list(compressions()))
    text = ",\n".join(f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in sections.items())
    pathlib.Path(__file__).with_name("large.json").write_text("{\n" + text + "\n}\n")
