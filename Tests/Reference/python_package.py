"""What launch/python promises, tried with the package as pip has installed it. Usage: python_package.py CASE, in a folder of its own."""
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy
import recur

T, F = 6, 3


def recipe(**changes):
    rng = numpy.random.default_rng(0)
    x = rng.normal(size=(60, T, F))
    y = x[:, -1, :1] + 10 * x[:, 0, 1:2]
    numpy.save("x.npy", x)
    numpy.save("y.npy", y)
    numpy.save("c.npy", (y[:, 0] > 0).astype(numpy.int64))
    base = {"name": "door", "seed": numpy.int64(3),
            "data": {"format": "npy", "path": Path("x.npy"), "labels_path": "y.npy", "scale": "standard",
                     "split": {"train": 40, "validation": 20}},
            "model": {"cell": "gru", "hidden_size": 6, "readout": "last_step", "head": [{"linear": "targets"}]},
            "loss": "mse", "train": {"epochs": 5, "batch_size": 10}}
    return {**base, **changes}, x


def refused(code, words, call, *args, **options):
    try:
        call(*args, **options)
    except recur.RecurError as error:
        assert error.code == code and words in error.line and str(error) == error.line, (error.code, error.line)
        assert pickle.loads(pickle.dumps(error)).line == error.line
        return
    raise AssertionError(f"{call} was not refused")


def same(found, expected):
    numpy.testing.assert_allclose(found, expected, rtol=1e-6)


def train():
    """A dictionary trains as the command line does, epoch by epoch; it goes on; metrics are a table."""
    made, _ = recipe()
    seen = []
    run = recur.train(made, out="run", on_epoch=seen.append)
    assert [e.epoch for e in seen] == [0, 1, 2, 3, 4], seen
    assert seen[-1].metrics["validation"]["loss"] == run.report["validation"]["loss"]
    run = recur.train(made, out="run", resume=True, settings={"train.epochs": 8}, on_epoch=seen.append)
    assert [e.epoch for e in seen] == list(range(8)), seen
    table = recur.metrics(run)
    assert list(table["epoch"]) == list(range(8)) and table["validation.loss"].iloc[-1] == seen[-1].metrics["validation"]["loss"]
    numpy.testing.assert_array_equal(table["train_loss"], [e.train_loss for e in seen])
    seen.clear()
    recur.train(made, out="run", overwrite=True, on_epoch=seen.append)
    assert [e.epoch for e in seen] == [0, 1, 2, 3, 4], seen
    Path("r.yaml").write_text(json.dumps(made, default=str).replace('"3"', "3"))
    words = [recur.program(), "train", "r.yaml", "--out", "typed", "--json"]
    typed = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    assert typed["parameters_sha256"] == recur.train(made, out="again").report["parameters_sha256"]
    assert recur.run("evaluate", run)["command"] == "evaluate"
    assert recur.version().startswith("recur ")


def stop():
    """Ctrl-C saves, and the run goes on; so it is where on_epoch raises."""
    made, _ = recipe(train={"epochs": 1_000_000, "batch_size": 10})
    started = threading.Event()

    def interrupt():
        started.wait(60)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    try:
        recur.train(made, out="run", on_epoch=lambda epoch: started.set())
        raise AssertionError("it was not stopped")
    except recur.Interrupted as error:
        assert error.path == Path("run")
    steps = int(os.readlink("run/checkpoints/latest")[5:13]) if os.path.islink("run/checkpoints/latest") else None
    found = sorted(Path("run/checkpoints").glob("step-*.safetensors"))
    assert found and (steps is None or steps > 0), found
    # The log goes as far as what was saved, and the run as well.
    done = sum(1 for _ in recur.epochs("run"))
    seen = []
    recur.train(made, out="run", resume=True, settings={"train.epochs": done + 2}, on_epoch=seen.append)
    assert [e.epoch for e in seen][-2:] == [done, done + 1], (done, seen)

    def bad(epoch):
        raise ZeroDivisionError(epoch.epoch)

    try:
        recur.train(made, out="other", on_epoch=bad)
        raise AssertionError("nothing was raised")
    except ZeroDivisionError:
        assert sorted(Path("other/checkpoints").glob("step-*.safetensors"))


def killed():
    """A training whose Python is killed saves and ends."""
    made, _ = recipe(train={"epochs": 100_000_000, "batch_size": 10})
    Path("r.json").write_text(json.dumps({**made, "seed": 3}, default=str))
    script = "import recur; recur.train('r.json', out='run', on_epoch=lambda e: print('on', flush=True))"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"on\n"
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while not list(Path("run/checkpoints").glob("step-*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.05)
    # Its folder is free again: nobody trains there.
    while time.monotonic() < deadline:
        try:
            recur.train("r.json", out="run", resume=True, settings={"train.epochs": 1_000_000_000},
                        on_epoch=lambda epoch: 1 / 0)
        except ZeroDivisionError:
            return
        except recur.RecurError as error:
            assert error.code == 75, error
    raise AssertionError("it goes on")


def errors():
    """What recur refuses is an exception with its code and its line."""
    made, x = recipe()
    refused(65, "unknown key model.cel; did you mean cell?", recur.train, {**made, "model": {**made["model"], "cel": 1}}, out="a")
    refused(66, "nope.yaml: No such file or directory", recur.train, "nope.yaml")
    refused(66, "no run's folder", lambda: list(recur.epochs("nowhere")))
    refused(66, "", recur.Model("nowhere").predict, x)
    path = os.environ["PATH"]
    os.environ["PATH"] = "/nowhere"
    try:
        refused(69, "can't start mpirun: not found; is it installed and in PATH?", recur.train, made, out="b", ranks=2)
    finally:
        os.environ["PATH"] = path
    assert not [name for name in os.listdir(".") if name.startswith(".recur-")]
    os.environ["RECUR"] = "/nowhere/recur"
    refused(66, "RECUR names /nowhere/recur", recur.train, made, out="c")


def ranks():
    """Several processes under MPI, from a dictionary with relative paths."""
    made, _ = recipe()
    seen = []
    report = recur.train(made, out="run", ranks=2, on_epoch=seen.append).report
    assert report["ranks"] == 2 and len(seen) == 5, report


def model():
    """One process answers arrays, tables and texts as `recur predict` does of files; what a line can't carry is an exception."""
    import pandas
    made, x = recipe()
    run = recur.train(made, out="run")
    recur.run("predict", run, "--input", "x.npy", "--output", "p.npy")
    expected = numpy.load("p.npy")
    with recur.Model(run) as model:
        # JSON lines have seven digits.
        same(model.predict(x), expected)
        process = model._process.pid
        same(model.predict(x[7]), expected[7:8])
        many = numpy.concatenate([x] * 100)
        assert model.predict(many).shape == (6000, 1) and model._process.pid == process
        refused(65, "step 1 has 2 values, not 3", model.predict, x[:, :, :2])
        same(model.predict(x[:3]), expected[:3])
        assert model.predict([]).shape[0] == 0
        refused(64, "predicts no classes", model.predict_proba, x)
    classes = recur.train({**made, "data": {**made["data"], "labels_path": "c.npy"}, "loss": "cross_entropy",
                           "model": {**made["model"], "head": [{"linear": "classes"}]}}, out="classes")
    recur.run("predict", classes, "--input", "x.npy", "--output", "q.npy")
    with classes.model() as model:
        same(model.predict_proba(x), numpy.load("q.npy"))
        assert list(model.predict(x)) == [str(i) for i in numpy.load("q.npy").argmax(1)]
    # A table with a window, intervals, a group of rows with an answer each.
    table = pandas.DataFrame({"a": numpy.sin(numpy.arange(80) / 5), "b": numpy.cos(numpy.arange(80) / 5), "g": numpy.arange(80) // 4})
    table.assign(y=100 + 10 * table["a"].shift(1, fill_value=0)).to_csv("t.csv", index=False)
    data = {"format": "csv", "path": "t.csv", "features": ["a", "b"], "targets": ["y"], "scale": "standard", "window": 4, "horizon": 1}
    levels = recur.train({"data": data, "model": {"cell": "gru", "hidden_size": 4, "head": [{"linear": "targets"}]},
                          "loss": {"name": "quantile", "levels": [0.1, 0.5, 0.9]}, "train": {"epochs": 2, "batch_size": 8}},
                         out="levels")
    with levels.model() as model:
        windows = [table[["a", "b"]].iloc[i:i + 4] for i in range(3)]
        found, sure = model.predict(windows), model.quantiles(windows)
        assert found.shape == (3, 1) and list(sure) == ["p10", "p50", "p90"]
        assert (sure["p10"] <= sure["p50"]).all() and (sure["p50"] <= sure["p90"]).all()
        numpy.testing.assert_array_equal(model.predict(numpy.stack([w.to_numpy() for w in windows])), found)
        refused(65, "has 10 rows; the window sees 4", model.predict, table[["a", "b"]].iloc[:10])
        refused(65, "'b' is missing", model.predict, windows[0][["a"]])
    sentences = "".join(f"{w}\t{'N' if len(w) > 2 else 'V'}\n" + ("\n" if i % 3 == 2 else "")
                        for i, w in enumerate(["a", "cat", "is", "big", "on", "mat"] * 6))
    Path("s.tsv").write_text(sentences)
    tagged = recur.train({"data": {"format": "tagged", "path": "s.tsv"}, "loss": "cross_entropy", "train": {"epochs": 3, "batch_size": 4},
                          "model": {"embedding": 4, "cell": "gru", "hidden_size": 4, "readout": "every_step", "head": [{"linear": "classes"}]}},
                         out="tagged")
    with tagged.model() as model:
        answers = model.answers([["a", "cat"], ["on"], ["big", "cat", "is"]])
        assert [len(a) for a in answers] == [2, 1, 3], answers
        assert model.predict([["a", "cat"], ["on"]]).shape == (3,) and set(model.predict([["a"]])) <= {"N", "V"}
    # Columns that are the series.
    pandas.DataFrame({"u": numpy.sin(numpy.arange(60)), "v": numpy.cos(numpy.arange(60))}).to_csv("w.csv", index=False)
    wide = recur.train({"data": {"format": "csv", "path": "w.csv", "wide": "*", "scale": "standard", "window": 4, "horizon": 1},
                        "model": {"cell": "gru", "hidden_size": 4, "head": [{"linear": "targets"}]}, "loss": "mse",
                        "train": {"epochs": 1, "batch_size": 8}}, out="wide")
    with wide.model() as model:
        answers = model.answers([{"u": [1, 2, 3, 4], "v": [1] * 4}, {"v": [1] * 4}])
        assert [[a["series"] for a in sample] for sample in answers] == [["u", "v"], ["v"]], answers
        assert answers[0][1]["predicted"] == answers[1][0]["predicted"]
        refused(65, "has no column that is a series (data.wide)", model.predict, {"inputs": [1] * 4})


def estimators():
    """scikit-learn's own checks, all of them; sequences, pipelines and pickles besides."""
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.estimator_checks import check_estimator
    wanted = os.environ.get("RECUR_ESTIMATOR_CHECKS", "all")
    if wanted == "all":
        for estimator in (recur.Regressor(epochs=60), recur.Classifier(epochs=60)):
            results = check_estimator(estimator, on_fail=None, on_skip=None)
            # The array interface of other libraries is only looked at where SCIPY_ARRAY_API asks for it.
            bad = [(r["check_name"], r["exception"]) for r in results if r["status"] not in ("passed",)
                   and "SCIPY_ARRAY_API" not in str(r["exception"])]
            assert not bad and len(results) > 45, bad
            print(type(estimator).__name__, len(results), "checks")
    rng = numpy.random.default_rng(0)
    x = rng.normal(size=(200, 5, 2))
    y = x[:, :, 0].sum(1)
    regressor = recur.Regressor(epochs=80, hidden_size=16).fit(x, y)
    assert regressor.score(x, y) > 0.9 and len(regressor.history_) == 80, regressor.score(x, y)
    again = pickle.loads(pickle.dumps(regressor))
    numpy.testing.assert_array_equal(again.predict(x), regressor.predict(x))
    both = recur.Regressor(epochs=2, recipe={"model": {"bidirectional": True}}).fit(x, numpy.stack([y, -y], 1))
    assert both.predict(x).shape == (200, 2)
    labels = numpy.where(y > 0, "up", "down")
    pipeline = make_pipeline(StandardScaler(), recur.Classifier(epochs=40))
    assert cross_val_score(pipeline, x[:, -1], numpy.where(x[:, -1, 0] > 0, "up", "down"), cv=3).mean() > 0.9
    classifier = recur.Classifier(epochs=60).fit(x, labels)
    assert classifier.score(x, labels) > 0.9 and list(classifier.classes_) == ["down", "up"]
    numpy.testing.assert_allclose(classifier.predict_proba(x).sum(1), 1)


if __name__ == "__main__":
    # Whoever started this may have blocked signals, which it then never gets.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    globals()[sys.argv[1]]()
    print("good")
