#!/usr/bin/env python3
"""Makes metrics.json beside this file with scikit-learn: `python metrics.py`.

Outputs, targets and classes are not stored: they follow from the formulas of generate.py.
"""
import math

import numpy
from scipy import stats
from sklearn import metrics

import losses
from generate import classes, wave, write


def counting(rows, weighted, unknown):
    """How much each row counts, 0 for what nobody knows; and what says so in the result."""
    weight = losses.weights(rows).numpy().astype(float) if weighted else numpy.ones(rows)
    if unknown:
        weight[numpy.arange(rows) % 5 == 2] = 0
    return weight, dict(weighted=True) if weighted else {}, dict(unknown=True) if unknown else {}


def classification(rows, width, ignore, weighted=False, unknown=False):
    outputs = wave((rows, width), 0.3).numpy()
    target = classes(rows, width, ignore).numpy()
    weight, *said = counting(rows, weighted, unknown)
    kept = (target != (-100 if ignore is None else ignore)) & (weight > 0)
    outputs, target, weight = outputs[kept], target[kept], weight[kept]
    predicted = outputs.argmax(1)
    labels = numpy.arange(width)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        target, predicted, labels=labels, zero_division=0, sample_weight=weight)
    top = {str(k): metrics.top_k_accuracy_score(target, outputs, k=k, labels=labels, sample_weight=weight) for k in (2, 3, 5) if k < width}
    likelihood = metrics.log_loss(
        target, numpy.exp(outputs.astype(float)) / numpy.exp(outputs.astype(float)).sum(1, keepdims=True), labels=labels,
        sample_weight=weight)
    return dict(kind="classes", rows=rows, width=width, ignore=ignore, accuracy=metrics.accuracy_score(target, predicted, sample_weight=weight),
                top=top, macro_f1=metrics.f1_score(target, predicted, average="macro", sample_weight=weight),
                confusion=metrics.confusion_matrix(target, predicted, labels=labels, sample_weight=weight).tolist(),
                precision=precision.tolist(), recall=recall.tolist(), f1=f1.tolist(), support=support.tolist(),
                perplexity=float(numpy.exp(likelihood)), **{k: v for each in said for k, v in each.items()})


def labels(rows, width):
    outputs = wave((rows, width), 0.3).numpy() > 0
    target = wave((rows, width), 0.8).numpy() > 0
    precision, recall, f1, support = (
        metrics.precision_recall_fscore_support(target, outputs, average=None, zero_division=0) if width > 1 else
        [[value] for value in metrics.precision_recall_fscore_support(
            target[:, 0], outputs[:, 0], average="binary", zero_division=0)[:3]] + [[int(target.sum())]])
    confusion = metrics.confusion_matrix(target[:, 0], outputs[:, 0]).tolist() if width == 1 else None
    return dict(kind="labels", rows=rows, width=width, accuracy=float((outputs == target).mean()), confusion=confusion,
                macro_f1=float(numpy.mean(f1)), precision=list(precision), recall=list(recall), f1=list(f1),
                support=[int(s) for s in support])


def values(rows, width, method):
    outputs = wave((rows, width), 0.3).numpy().astype(float)
    target = wave((rows, width), 0.8).numpy().astype(float)
    columns = [dict(offset=-0.5 - 3 * c, scale=0.01 * (1 + c)) for c in range(width)] if method else []
    for c, column in enumerate(columns):
        for numbers in (outputs, target):
            if method == "minmax":
                numbers[:, c] = (numbers[:, c] - column["offset"]) / column["scale"]
            else:
                numbers[:, c] = numbers[:, c] * column["scale"] + column["offset"]
    result = dict(kind="values", rows=rows, width=width, method=method, columns=columns)
    functions = dict(mae=metrics.mean_absolute_error, mape=metrics.mean_absolute_percentage_error, r2=metrics.r2_score,
                     rmse=metrics.root_mean_squared_error)
    for name, function in functions.items():
        result[name] = function(target, outputs)
        result[name + "_each"] = list(function(target, outputs, multioutput="raw_values"))
    # Of all values together, not the mean of the columns' roots.
    result["rmse"] = math.sqrt(metrics.mean_squared_error(target, outputs))
    return result


def counted_values(rows, width, weighted, unknown):
    """Where columns have gaps of their own: each by itself."""
    outputs = wave((rows, width), 0.3).numpy().astype(float)
    target = wave((rows, width), 0.8).numpy().astype(float)
    weight = numpy.repeat(counting(rows, weighted, False)[0], width).reshape(rows, width)
    if unknown:
        weight[(numpy.arange(rows * width) % 5 == 2).reshape(rows, width)] = 0
    result = dict(kind="values", rows=rows, width=width, method=None, columns=[], weighted=weighted, unknown=unknown)
    functions = dict(mae=metrics.mean_absolute_error, mape=metrics.mean_absolute_percentage_error, r2=metrics.r2_score,
                     rmse=metrics.root_mean_squared_error)
    for name, function in functions.items():
        result[name + "_each"] = [
            float(function(target[kept, c], outputs[kept, c], sample_weight=weight[kept, c]))
            for c in range(width) for kept in [weight[:, c] > 0]]
        result[name] = float(numpy.mean(result[name + "_each"]))
    error = numpy.abs(target - outputs)
    result["mae"] = float((weight * error).sum() / weight.sum())
    result["rmse"] = math.sqrt((weight * error**2).sum() / weight.sum())
    return result


def uncertain(name, rows, width, method, weighted, unknown):
    """Scores of what a loss says about quantiles; those of distributions by the formulas of properscoring and scoringrules."""
    parameters = losses.PARAMETERS.get(name, len(losses.LEVELS.get(name, [])))
    count = rows * width
    outputs = wave((count, parameters), 0.3).double().numpy()
    target = losses.actual(name, count).numpy().astype(float)
    weight = numpy.repeat(counting(rows, weighted, False)[0], width)
    if unknown:
        weight[numpy.arange(count) % 5 == 2] = 0
    column = dict(offset=-0.5, scale=0.02) if method else None
    unit = {None: 1, "minmax": 1 / 0.02, "standard": 0.02}[method]
    if name in losses.LEVELS:
        levels, values = losses.LEVELS[name], numpy.sort(outputs, 1)
        point = values[:, levels.index(0.5)] if 0.5 in levels else values[:, 0]
        score = None
    else:
        said = [losses.distribution(name, row) for row in outputs]
        levels = [0.1, 0.5, 0.9]
        values = numpy.array([[d.ppf(level) for level in levels] for d in said])
        point = numpy.array([d.mean() for d in said])
        score = numpy.array([crps(name, d, y) for d, y in zip(said, target)])
    pinball = float(numpy.mean([
        metrics.mean_pinball_loss(target, values[:, k], alpha=level, sample_weight=weight)
        for k, level in enumerate(levels)]))
    inside = (values[:, 0] <= target) & (target <= values[:, -1])
    average = lambda numbers: float((weight * numbers).sum() / weight.sum())
    return dict(kind=name, rows=rows, width=width, levels=losses.LEVELS.get(name), weighted=weighted, unknown=unknown,
                method=method, columns=[column] * width if column else None, pinball=pinball,
                crps=2 * pinball if score is None else average(score),
                coverage=average(inside) if len(levels) > 1 else None,
                nominal_coverage=levels[-1] - levels[0] if len(levels) > 1 else None,
                mae=average(numpy.abs(point - target)) * unit,
                rmse=math.sqrt(average((point - target)**2)) * unit, unit=unit)


def crps(name, said, y):
    if name == "gaussian_nll":
        mean, deviation = said.args
        z = (y - mean) / deviation
        return deviation * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi))
    return losses.crps(name, said, y)


if __name__ == "__main__":
    write("metrics.json",
          [classification(rows, width, ignore) for rows in (1000, 7) for width in (2, 3, 12) for ignore in (None, 1)]
          + [labels(300, width) for width in (1, 4)]
          + [values(rows, width, method) for rows in (2, 1000) for width in (1, 3) for method in (None, "minmax", "standard")]
          + [classification(rows, width, ignore, *flag) for rows, width, ignore in ((300, 3, None), (300, 12, 1))
             for flag in ((True, False), (False, True), (True, True))]
          + [counted_values(300, width, *flag) for width in (1, 3) for flag in ((True, False), (False, True), (True, True))])
    write("uncertainty.json",
          [uncertain(name, rows, width, method, *flag) for name in (*losses.LEVELS, *losses.PARAMETERS)
           for rows, width, flag, method in ((150, 1, (False, False), None), (150, 1, (True, True), None),
                                             (60, 3, (False, True), None), (60, 3, (True, False), "standard"))
           if method is None or name not in losses.COUNTS])
