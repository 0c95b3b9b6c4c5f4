#!/usr/bin/env python3
"""Makes metrics.json beside this file with scikit-learn: `python metrics.py`.

Outputs, targets and classes are not stored: they follow from the formulas of generate.py.
"""
import math

import numpy
from sklearn import metrics

from generate import classes, wave, write


def classification(rows, width, ignore):
    outputs = wave((rows, width), 0.3).numpy()
    target = classes(rows, width, ignore).numpy()
    kept = target != (-100 if ignore is None else ignore)
    outputs, target = outputs[kept], target[kept]
    predicted = outputs.argmax(1)
    labels = numpy.arange(width)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        target, predicted, labels=labels, zero_division=0)
    top = {str(k): metrics.top_k_accuracy_score(target, outputs, k=k, labels=labels) for k in (2, 3, 5) if k < width}
    likelihood = metrics.log_loss(
        target, numpy.exp(outputs.astype(float)) / numpy.exp(outputs.astype(float)).sum(1, keepdims=True), labels=labels)
    return dict(kind="classes", rows=rows, width=width, ignore=ignore, accuracy=metrics.accuracy_score(target, predicted),
                top=top, macro_f1=metrics.f1_score(target, predicted, average="macro"),
                confusion=metrics.confusion_matrix(target, predicted, labels=labels).tolist(),
                precision=precision.tolist(), recall=recall.tolist(), f1=f1.tolist(), support=support.tolist(),
                perplexity=float(numpy.exp(likelihood)))


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


if __name__ == "__main__":
    write("metrics.json",
          [classification(rows, width, ignore) for rows in (1000, 7) for width in (2, 3, 12) for ignore in (None, 1)]
          + [labels(300, width) for width in (1, 4)]
          + [values(rows, width, method) for rows in (2, 1000) for width in (1, 3) for method in (None, "minmax", "standard")])
