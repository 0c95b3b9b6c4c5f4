#!/usr/bin/env python3
"""Makes forecasts.json beside this file with NumPy: `python forecasts.py`.

Rolling origins over three series: errors of made-up forecasts and of the naive ones, by step and by series.
"""
import math

import numpy as np

from generate import write

SERIES, ROWS, FOLDS, STEP, STEPS = 3, 40, 4, 3, 5


def value(series, row):
    """What the tests compute too."""
    if series == 2 and row % 11 == 7:
        return math.nan
    return 10 * series + 3 * math.sin(0.7 * row + series) + 0.1 * row


def forecast(series, fold, step):
    return 10 * series + 2 * math.cos(0.9 * fold + 0.3 * step)


def scores(rows, which, season):
    """Of (actual, forecasts, scale), over the rows where all are known; without a season its forecast is not asked for."""
    rows = [row for row in rows if not np.isnan([row[0], *row[1][:3 if season > 1 else 2]]).any()]
    error = np.array([abs(actual - found[which]) for actual, found, _ in rows])
    size = np.array([abs(actual) + abs(found[which]) for actual, found, _ in rows])
    scale = np.array([s for _, _, s in rows])
    return dict(count=len(error), mae=error.mean(), rmse=np.sqrt((error ** 2).mean()),
                smape=(200 * error / size).mean(), mase=(error / scale).mean())


def backtest(season):
    rows = {}
    for fold in range(FOLDS):
        origin = ROWS - STEPS - (FOLDS - 1 - fold) * STEP
        for series in range(SERIES):
            y = np.array([value(series, row) for row in range(ROWS)])
            history = y[:origin]
            scale = np.nanmean(np.abs(history[season:] - history[:-season]))
            last = history[~np.isnan(history)][-1]
            for step in range(1, STEPS + 1):
                seasonal = history[origin - 1 + step - season * math.ceil(step / season)]
                rows.setdefault((series, step), []).append(
                    (y[origin - 1 + step], (forecast(series, fold, step), last, seasonal), scale))
    pick = lambda test: [row for key, own in rows.items() if test(*key) for row in own]
    entry = lambda own: [scores(own, which, season) for which in range(3)]
    return dict(season=season, all=entry(pick(lambda series, step: True)),
                steps=[entry(pick(lambda _, step, s=s: step == s)) for s in range(1, STEPS + 1)],
                series=[entry(pick(lambda series, _, s=s: series == s)) for s in range(SERIES)])


if __name__ == "__main__":
    write("forecasts.json", [backtest(season) for season in [1, 4, 7]])
