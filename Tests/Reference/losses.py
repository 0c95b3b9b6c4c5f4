#!/usr/bin/env python3
"""Makes losses.json, extremes.json and distributions.json beside this file with PyTorch, SciPy and mpmath: `python losses.py`.

Outputs and targets of losses.json are not stored: they follow from the formulas of generate.py and of `actual` below. It has sums and
gradients, extremes.json the same of single targets, distributions.json what distributions say, scores by their definition as an integral or sum.
"""
import math

import mpmath
import numpy
import torch
from scipy import integrate, stats
from torch import nn
from torch.nn import functional as F

from generate import classes, packed, wave, write

LEVELS = {"quantile": [0.1, 0.25, 0.5, 0.9], "quantile_one": [0.7]}
PARAMETERS = {"gaussian_nll": 2, "student_t": 3, "poisson": 1, "negative_binomial": 2}
COUNTS = ("poisson", "negative_binomial")


def actual(name, count):
    numbers = wave((count,), 0.8)
    if name in COUNTS:
        return torch.floor(torch.abs(numbers.double() * 7)).float()
    return (numbers > 0).float() if name == "bce_with_logits" else numbers


def weights(rows):
    """0, 0.5, 1 and 1.5, one after the other."""
    return torch.tensor([k % 4 * 0.5 for k in range(rows)])


def positive(raw):
    # Without PyTorch's threshold, from which on softplus is its argument.
    return F.softplus(raw, threshold=700)


def elements(name, outputs, y):
    """The loss of each target; outputs are `[count, parameters]`."""
    one = outputs[:, 0]
    if name == "mse":
        return F.mse_loss(one, y, reduction="none")
    if name == "mae":
        return F.l1_loss(one, y, reduction="none")
    if name == "huber":
        return F.huber_loss(one, y, delta=0.6, reduction="none")
    if name == "bce_with_logits":
        return F.binary_cross_entropy_with_logits(one, y, reduction="none")
    if name in LEVELS:
        levels, error = torch.tensor(LEVELS[name], dtype=torch.float64), y[:, None] - outputs
        return torch.maximum(levels * error, (levels - 1) * error).mean(1)
    if name == "gaussian_nll":
        variance = (positive(outputs[:, 1]) + 1e-3)**2
        return nn.GaussianNLLLoss(full=True, reduction="none")(one, y, variance)
    if name == "student_t":
        return -torch.distributions.StudentT(
            2 + positive(outputs[:, 2]), one, positive(outputs[:, 1]) + 1e-3, validate_args=False).log_prob(y)
    if name == "poisson":
        return nn.PoissonNLLLoss(log_input=False, eps=0, reduction="none")(positive(one), y) + torch.lgamma(y + 1)
    if name == "negative_binomial":
        mean, dispersion = positive(one), positive(outputs[:, 1])
        return -torch.distributions.NegativeBinomial(
            1 / dispersion, logits=torch.log(mean * dispersion), validate_args=False).log_prob(y)
    raise ValueError(name)


def numbers(name, rows, targets, scale, weighted, unknown):
    parameters = PARAMETERS.get(name, len(LEVELS.get(name, [0])))
    count = rows * targets
    outputs = (wave((count, parameters), 0.3) * scale).double().requires_grad_()
    y = actual(name, count).double()
    weight = weights(rows).double().repeat_interleave(targets) if weighted else torch.ones(count).double()
    if unknown:
        weight = torch.where(torch.arange(count) % 5 == 2, 0, weight)
    kept = weight > 0
    total = (elements(name, outputs[kept], y[kept]) * weight[kept]).sum()
    total.backward()
    return dict(name=name, levels=LEVELS.get(name), rows=rows, targets=targets, scale=scale, weighted=weighted,
                unknown=unknown, sum=total.item(), weight=weight.sum().item(), gradient=packed(outputs.grad))


def labels(rows, width, weighted, unknown):
    outputs = wave((rows, width), 0.3).double().requires_grad_()
    y = classes(rows, width, 1)
    class_weights = torch.tensor([1 + 0.5 * c for c in range(width)], dtype=torch.float64)
    weight = weights(rows).double() if weighted else torch.ones(rows).double()
    if unknown:
        weight = torch.where(torch.arange(rows) % 5 == 2, 0, weight)
    each = F.cross_entropy(outputs, y, class_weights, ignore_index=1, label_smoothing=0.1, reduction="none")
    total = (each * weight).sum()
    total.backward()
    mass = (class_weights[y] * weight)[y != 1].sum()
    return dict(name="cross_entropy", rows=rows, targets=width, scale=1, weighted=weighted, unknown=unknown,
                sum=total.item(), weight=mass.item(), gradient=packed(outputs.grad))


# --- Outputs that leave no digits to float64 ---------------------------------------------------------------------


def exact(name, outputs, y):
    """The loss of one target with 60 digits."""
    soft = lambda x: mpmath.log1p(mpmath.exp(x))
    if name == "gaussian_nll":
        deviation = soft(outputs[1]) + mpmath.mpf(1) / 1000
        return mpmath.log(deviation) + ((y - outputs[0]) / deviation)**2 / 2 + mpmath.log(2 * mpmath.pi) / 2
    if name == "student_t":
        scale, degrees = soft(outputs[1]) + mpmath.mpf(1) / 1000, 2 + soft(outputs[2])
        z = (y - outputs[0]) / scale
        return (mpmath.loggamma(degrees / 2) - mpmath.loggamma((degrees + 1) / 2) + mpmath.log(degrees * mpmath.pi) / 2
                + mpmath.log(scale) + (degrees + 1) / 2 * mpmath.log1p(z * z / degrees))
    mean = soft(outputs[0])
    if name == "poisson":
        return mean - y * mpmath.log(mean) + mpmath.loggamma(y + 1)
    count = 1 / soft(outputs[1])
    # log Γ(y + r) - log Γ(r) of whole y as a sum.
    rise = sum(mpmath.log(count + k) for k in range(int(y)))
    return (mpmath.loggamma(y + 1) - rise + count * mpmath.log1p(mean / count)
            + y * (mpmath.log(count + mean) - mpmath.log(mean)))


def extremes(name):
    mpmath.mp.dps = 60
    result = []
    size = PARAMETERS[name]
    for place in range(3**size):
        outputs = [(-80.0, 0.5, 80.0)[place // 3**k % 3] for k in range(size)]
        for y in ((0.0, 3.0, 1000.0) if name in COUNTS else (0.25, -80.0)):
            slopes = [
                mpmath.diff(lambda x: exact(name, outputs[:k] + [x] + outputs[k + 1:], mpmath.mpf(y)), outputs[k])
                for k in range(size)]
            value = exact(name, [mpmath.mpf(x) for x in outputs], mpmath.mpf(y))
            result.append(dict(name=name, outputs=outputs, actual=y, value=float(value), slopes=[float(s) for s in slopes]))
    return result


# --- Forecasts ---------------------------------------------------------------------------------------------------


def distribution(name, outputs):
    soft = [math.log1p(math.exp(-abs(x))) + max(x, 0) for x in outputs]
    if name == "gaussian_nll":
        return stats.norm(outputs[0], soft[1] + 1e-3)
    if name == "student_t":
        return stats.t(2 + soft[2], outputs[0], soft[1] + 1e-3)
    if name == "poisson":
        return stats.poisson(soft[0])
    return stats.nbinom(1 / soft[1], 1 / (1 + soft[1] * soft[0]))


def crps(name, said, y):
    """The integral of (F(x) - [y ≤ x])²."""
    if name in COUNTS:
        k = numpy.arange(0, max(said.ppf(1 - 1e-13), y) + 2)
        return float(((said.cdf(k) - (y <= k))**2).sum())
    low, high = said.mean() - 200 * said.std(), said.mean() + 200 * said.std()
    options = dict(limit=2000, epsabs=1e-12, epsrel=1e-11, points=None)
    cuts = sorted({y, *(said.ppf(p) for p in (1e-6, 1e-3, 0.1, 0.5, 0.9, 1 - 1e-3, 1 - 1e-6)), low, high,
                   *(y + s * said.std() * d for s in (-1, 1) for d in (1, 10, 100))})
    pieces = sum(integrate.quad(lambda x: (said.cdf(x) if x < y else said.sf(x))**2, a, b, **options)[0]
                 for a, b in zip(cuts, cuts[1:]))
    # Beyond, as a power of the distance.
    ends = integrate.quad(lambda x: said.cdf(x)**2, -numpy.inf, min(cuts), epsabs=1e-13)[0] + integrate.quad(
        lambda x: said.sf(x)**2, max(cuts), numpy.inf, epsabs=1e-13)[0]
    return pieces + ends


def forecasts(name):
    result = []
    for place in range(12):
        outputs = [float(x) for x in (wave((PARAMETERS[name],), 0.3 + place) * (1 + place)).tolist()]
        said = distribution(name, outputs)
        for y in ((0.0, 4.0, 30.0) if name in COUNTS else (-3.5, 0.4)):
            result.append(dict(name=name, outputs=outputs, actual=y, point=float(said.mean()), crps=crps(name, said, y),
                               quantiles=[float(said.ppf(p)) for p in (0.001, 0.1, 0.5, 0.75, 0.9, 0.99)]))
    return result


if __name__ == "__main__":
    flags = [(False, False), (True, False), (False, True), (True, True)]
    names = ["mse", "mae", "huber", "bce_with_logits", *LEVELS, *PARAMETERS]
    write("losses.json",
          [numbers(name, rows, targets, scale, *flag) for name in names for rows, targets, scale in ((37, 1, 1), (20, 3, 4))
           for flag in flags] + [labels(40, width, *flag) for width in (2, 5) for flag in flags])
    write("extremes.json", [case for name in PARAMETERS for case in extremes(name)])
    write("distributions.json", [case for name in PARAMETERS for case in forecasts(name)])
