#!/usr/bin/env python3
"""Hands runs of recur to MLflow or Weights & Biases: track.py mlflow|wandb RUN... [--project NAME] [--follow]

    track.py mlflow runs/a runs/b                    # where MLFLOW_TRACKING_URI says, else as MLflow does without it
    WANDB_MODE=offline track.py wandb runs/a         # WANDB_MODE, WANDB_API_KEY, WANDB_DIR: as W&B has them

The keys of RUN/recipe.yaml become parameters (optimizer.lr), the numbers of RUN/metrics.jsonl metrics by their step: epoch/train_loss,
validation/loss, step/gradient_norm, end/test/mae, as `recur train --tensorboard` calls them. What is not finite is left out. A run keeps
its place: called again, or with --follow until a run has ended, only what is new is added (W&B's offline mode remembers nothing: one call
for each run). Only the two files are read, training needs nothing of it. Needs PyYAML, and mlflow (with a server mlflow-skinny does) or
wandb.
"""
import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import yaml


def flat(values, prefix=""):
    """{"optimizer": {"lr": 0.1}} -> {"optimizer.lr": 0.1}; lists as JSON, what is null left out."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{key}."))
        elif value is not None:
            found[prefix + key] = json.dumps(value) if isinstance(value, list) else value
    return found


def numbers(line):
    """The numbers of a line of metrics.jsonl: (name, step, value)."""
    event, step = line["event"], line.get("step")
    if step is None:
        return
    for key, value in line.items():
        if key in ("event", "step", "epoch", "epochs", "evaluated_step", "samples"):
            continue
        if isinstance(value, dict):
            prefix = key if event == "epoch" else f"{event}/{key}"
            for name, inner in value.items():
                yield f"{prefix}/{name}", line.get("evaluated_step", step), inner
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield f"{event}/{key}/{index}", step, inner
        else:
            yield f"{event}/{key}", step, value


def lines(run):
    """Whole lines; the last may be being written just now."""
    path = run / "metrics.jsonl"
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], 1):
        try:
            found.append(json.loads(line))
            found[-1]["event"]
        except (ValueError, TypeError, LookupError):
            sys.exit(f"track.py: {path}, line {number}: not a line that recur writes")
    return found


def metrics(run, last):
    """By step what is new: last has the newest step of each name, and is brought up to date."""
    found = {}
    for line in lines(run):
        for name, step, value in numbers(line):
            if isinstance(value, (int, float)) and step > last.get(name, -1):
                found.setdefault(step, {})[name] = float(value)
    for step, values in found.items():
        last.update({name: max(step, last.get(name, -1)) for name in values})
    return sorted(found.items())


def end(run):
    """How the run ended: completed, early_stopped or interrupted; None while it is under way."""
    last = lines(run)[-1:]
    return last[0].get("status") if last and last[0]["event"] == "end" else None


class MLflow:
    def __init__(self, run, recipe, project):
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        self.client, self.metric = MlflowClient(), Metric
        experiment = self.client.get_experiment_by_name(project)
        place = experiment.experiment_id if experiment else self.client.create_experiment(project)
        # A run is known by its folder.
        mark = hashlib.sha256(str(run).encode()).hexdigest()
        known = self.client.search_runs([place], f"tags.`recur.place` = '{mark}'")
        if known:
            self.id = known[0].info.run_id
            self.client.update_run(self.id, status="RUNNING")
        else:
            self.id = self.client.create_run(place, run_name=run.name, tags={"recur.place": mark, "recur.run": str(run)}).info.run_id
            for key, value in flat(recipe).items():
                self.client.log_param(self.id, key, value)
        known = self.client.get_run(self.id).data.metrics
        self.last = {name: max(m.step for m in self.client.get_metric_history(self.id, name)) for name in known}

    def add(self, step, values):
        moment = int(time.time() * 1000)
        self.client.log_batch(self.id, [self.metric(name, value, moment, step) for name, value in values.items()])

    def finish(self, ended):
        if ended:
            self.client.set_terminated(self.id, "KILLED" if ended == "interrupted" else "FINISHED")


class Wandb:
    def __init__(self, run, recipe, project):
        import wandb

        mark = hashlib.sha256(str(run).encode()).hexdigest()[:16]
        self.run = wandb.init(project=project, id=mark, resume="allow", name=run.name, config=flat(recipe))
        # What the server has of it, where there is one.
        self.last = {name: self.run.step - 1 for name in self.run.summary.keys()} if self.run.step else {}
        self.step = self.run.step

    def add(self, step, values):
        # W&B drops what comes for a step before its last: the end's metrics, where the best parameters are older ones.
        self.step = max(step, self.step)
        self.run.log(values, step=self.step)

    def finish(self, ended):
        self.run.finish()


def track(kind, run, project, follow):
    run = Path(run).resolve()
    if not (run / "metrics.jsonl").is_file():
        sys.exit(f"track.py: {run}: no run, it has no metrics.jsonl; name the folder that recur train wrote")
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    tracker = {"mlflow": MLflow, "wandb": Wandb}[kind](run, recipe, project or recipe.get("name") or "recur")
    count = 0
    while True:
        ended = end(run)
        for step, values in metrics(run, tracker.last):
            tracker.add(step, values)
            count += len(values)
        if ended or not follow:
            break
        time.sleep(5)
    tracker.finish(ended)
    print(f"{run}: {count} numbers to {kind}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["mlflow", "wandb"])
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--project", help="MLflow's experiment, W&B's project (default: the recipe's name)")
    parser.add_argument("--follow", action="store_true", help="until the run has ended")
    options = parser.parse_args()
    for path in options.runs:
        try:
            track(options.kind, path, options.project, options.follow)
        except Exception as error:  # Whatever a client throws, its words are what a person needs.
            sys.exit(f"track.py: {path}: {options.kind}: {' '.join(str(error).split())}")
