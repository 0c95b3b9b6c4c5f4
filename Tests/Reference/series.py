"""Windows, splits, scales and calendars of tables with several series, by pandas and scikit-learn; makes series.json."""

import io
import json
import math
import os

import numpy as np
import pandas as pd
from sklearn.preprocessing import MinMaxScaler, StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))


def panel():
    """Three series of different length, rows in no order, some values missing."""
    generator = np.random.default_rng(7)
    rows = []
    for symbol, sector, size, length, start in [
        ("bb", "tech", 2.5, 40, "2011-12-20"), ("aa", "food", 1.0, 31, "2011-12-27"), ("cc", "tech", 4.0, 12, "2012-01-05"),
    ]:
        for i, date in enumerate(pd.bdate_range(start, periods=length)):
            close = 10 * size + math.sin(i / 3) + generator.normal() / 8
            volume = int(1000 * size + 300 * generator.random())
            rows.append([date.strftime("%Y-%m-%d"), symbol, sector, size, round(close, 3), volume, i % 5 == 0, round(generator.random(), 2)])
    table = pd.DataFrame(rows, columns=["date", "symbol", "sector", "size", "Close", "Volume", "promo", "w"])
    table = table.sample(frac=1, random_state=3)
    holes = table.copy()
    holes["Close"] = holes["Close"].where(generator.random(len(holes)) > 0.1)
    holes["Volume"] = holes["Volume"].where(generator.random(len(holes)) > 0.15)
    return table, holes


def calendar(dates, fields):
    d = dates.dt
    turns = {
        "minute": d.minute / 60, "hour": d.hour / 24, "weekday": d.day_of_week / 7,
        "day": (d.day - 1) / d.days_in_month, "month": (d.month - 1) / 12,
        "year_day": (d.day_of_year - 1) / np.where(d.is_leap_year, 366, 365),
    }
    columns = []
    for field in fields:
        angle = 2 * np.pi * turns[field].to_numpy()
        columns += [np.sin(angle), np.cos(angle)]
    return np.stack(columns, 1) if columns else np.zeros((len(dates), 0))


def shares(split, count):
    """Ranges of train, validation and test."""
    sizes = {k: math.floor(v * count + 1e-9) if isinstance(v, float) else v for k, v in split.items() if v != "rest"}
    taken = sum(sizes.values())
    if "rest" in split.values():
        sizes[[k for k, v in split.items() if v == "rest"][0]] = count - taken
    elif abs(sum(split.values()) - 1) < 1e-9:
        sizes[list(split)[-1]] += count - taken
    ranges, first = [], 0
    for part in ["train", "validation", "test"]:
        ranges.append((first, first + sizes.get(part, 0)))
        first += sizes.get(part, 0)
    return ranges


def cut(c, groups, times, name, n_rows, own_times):
    """For each part the windows of one series: numbers of first rows within it."""
    window, horizons, split = c["window"], c["horizons"], c["split"]
    windows = max(0, n_rows - window - horizons[-1] + 1)
    by = c.get("by", "windows")
    if by == "windows":
        ranges = shares(split, windows) if windows else [(0, 0)] * 3
        return [list(range(*r)) for r in ranges]
    if by == "series":
        place = groups.index(name)
        return [list(range(windows)) if a <= place < b else [] for a, b in shares(split, len(groups))]
    if by == "rows":
        borders = shares(split, n_rows)
    else:
        ends = [pd.Timestamp(split["train"]), pd.Timestamp(split["validation"])]
        first, second = [int((own_times < e).sum()) for e in ends]
        borders = [(0, first), (first, second), (second, n_rows)]
    parts = []
    for a, b in borders:
        parts.append([i for i in range(windows) if i + window - 1 + horizons[0] >= a and i + window - 1 + horizons[-1] < b])
    return parts


def expect(c, table):
    table = table.copy()
    table["when"] = pd.to_datetime(table["date"])
    table["line"] = np.arange(len(table))
    groups = sorted(table["symbol"].unique())
    scaled = c["features"] + c.get("static", [])
    window, horizons = c["window"], c["horizons"]
    fills = c.get("gaps") in ("mean", "mask")
    series = {n: g.sort_values("when").reset_index(drop=True) for n, g in table.groupby("symbol")}
    parts = {n: cut(c, groups, None, n, len(g), g["when"]) for n, g in series.items()}
    reach = window + horizons[-1]
    known = {
        n: np.stack([g[k].astype(float).shift(-h).to_numpy() for h in horizons for k in c.get("known", [])], 1)
        if c.get("known") else np.zeros((len(g), 0))
        for n, g in series.items()
    }
    numbers = {n: np.concatenate([g[scaled].to_numpy(float), known[n]], 1) for n, g in series.items()}
    targets = {n: g[c["targets"]].to_numpy(float) for n, g in series.items()}

    def train_rows(n):
        own = parts[n][0]
        if c.get("fit_scale_on", "train") == "all":
            return 0, len(series[n])
        return (own[0], own[-1] + reach) if own else (0, 0)

    def scaler():
        return MinMaxScaler() if c["scale"] == "minmax" else StandardScaler()

    def fit(names):
        x = np.concatenate([numbers[n][slice(*train_rows(n))] for n in names])
        y = np.concatenate([targets[n][slice(*train_rows(n))] for n in names])
        return scaler().fit(x), scaler().fit(y), np.nanmean(x, 0)

    pooled = fit(groups)
    result = {"train": [], "validation": [], "test": []}
    names = {k: sorted({v for n in groups for v in series[n][k][slice(*train_rows(n)) if False else slice(*((parts[n][0][0], parts[n][0][-1] + reach) if parts[n][0] else (0, 0)))]}) for k in c.get("categorical", [])}
    for place, part in enumerate(result):
        for n in groups:
            g = series[n]
            a, b = train_rows(n)
            fx, fy, means = fit([n]) if c.get("scale_per") == "series" and b > a else pooled
            x = numbers[n].copy()
            observed = ~np.isnan(x[:, : len(scaled)])
            if fills:
                x = np.where(np.isnan(x), means, x)
            x = fx.transform(x)
            y = fy.transform(targets[n])
            inputs = [x, calendar(g["when"], c.get("calendar", []))]
            if c.get("gaps") == "mask":
                inputs.append(observed.astype(float))
            inputs = np.concatenate(inputs, 1)
            codes = np.array([[names[k].index(v) + 1 if v in names[k] else 0 for k, v in zip(names, row)] for row in g[list(names)].to_numpy()]).reshape(len(g), len(names))
            for first in parts[n][place]:
                last = first + window - 1
                rows = slice(first, last + 1)
                result[part].append({
                    "series": n, "time": g["date"][last + horizons[0]], "row": int(g["line"][last + horizons[0]]),
                    "inputs": np.float32(inputs[rows]).ravel().tolist(),
                    "targets": [None if math.isnan(v) else float(np.float32(v)) for h in horizons for v in y[last + h]],
                    "codes": codes[rows].ravel().tolist(),
                    "weight": float(np.float32(g["w"][last + horizons[0]])),
                })
    return {"configuration": c, "categories": list(names.values()), "samples": result}


def main():
    table, holes = panel()
    base = {"features": ["Close", "Volume"], "targets": ["Close"], "window": 4, "horizons": [1], "scale": "standard",
            "split": {"train": 0.6, "validation": 0.2, "test": 0.2}}
    configurations = [
        {**base, "scale_per": "series", "calendar": ["weekday", "month", "year_day", "day"], "categorical": ["symbol", "sector"]},
        {**base, "horizons": [1, 2, 3], "scale": "minmax", "fit_scale_on": "all", "by": "rows", "weight": "w"},
        {**base, "by": "time", "split": {"train": "2012-01-12", "validation": "2012-01-20", "test": "rest"}, "static": ["size"], "categorical": ["symbol"]},
        {**base, "by": "series", "split": {"train": 2, "test": 1}, "scale_per": "series", "categorical": ["sector", "symbol"]},
        {**base, "horizons": [2], "known": ["promo"], "targets": ["Volume", "Close"]},
        {**base, "horizons": [0, 2], "known": ["promo", "size"], "scale": "minmax"},
        {**base, "gaps": "mask", "scale_per": "series", "targets": ["Close", "Volume"]},
        {**base, "gaps": "mean", "scale": "minmax", "horizons": [1, 3]},
    ]
    cases = []
    for c in configurations:
        source = holes if "gaps" in c else table
        cases.append(expect(c, source))
    def text(t): return t.to_csv(index=False, na_rep="NA")
    json.dump({"table": text(table), "holes": text(holes), "cases": cases}, open(os.path.join(HERE, "series.json"), "w"), separators=(",", ":"))


main()
