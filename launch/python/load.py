#!/usr/bin/env python3
"""Builds the PyTorch module of a file that `recur export RUN --safetensors FILE` wrote, and predicts with it.

    from load import load
    model = load("model.safetensors")
    model.predict(rows)       # [B, T, F] -> numbers in the units of the data file, or probabilities
    model.state_dict()        # the names that `recur train --init-from` takes

A row's columns are what recur reads of a step: data.features, data.static and data.known (at the first horizon, then at the next) in
the units of the data file, then sine and cosine of data.calendar, then of data.gaps: mask whether each feature was there. A feature
that is NaN takes its mean, where data.gaps is mean or mask.

What comes back: of mse, mae and huber [B, targets], the targets at the first horizon, then at the next; of quantile
[B, targets, levels]; of bce_with_logits and cross_entropy probabilities. With data.relative these are values, not changes. With
data.scale_per: series predict wants the name of each sample's series: predict(rows, series=["A", "A", "B"]).

As a program: `load.py model.safetensors rows.npy predictions.npy [SERIES]`; SERIES names the series of all rows. Needs torch,
safetensors, numpy and PyYAML. Networks are those of torch.nn: what recur has beyond (layer_norm, zoneout, residual, widths of their
own, learned states, decoders) is refused. So are predictions by losses of distributions (gaussian_nll, student_t, poisson,
negative_binomial): forward() gives their raw outputs.
"""
import json
import sys

import numpy
import torch
import yaml
from safetensors import safe_open
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
BEYOND = {"layer_norm": False, "zoneout": 0, "residual": False, "learned_initial_state": False, "decoder": None,
          "reset_after": True, "peepholes": False}


class Network(nn.Module):
    """The modules under the names of recur's tensors, built from the recipe and the tensors' shapes."""

    def __init__(self, recipe, shapes, metadata):
        super().__init__()
        self.recipe, self.scaler = recipe, json.loads(metadata.get("scaler", "null"))
        self.vocabulary, self.classes, self.categories = (
            json.loads(metadata.get(key, "null")) for key in ("vocabulary", "classes", "categories"))
        model = self.model = recipe["model"]
        for key, plain in BEYOND.items():
            value = model.get(key, plain)
            if value != plain and value != {"hidden": 0.0, "cell": 0.0}:
                raise ValueError(f"model.{key} {value} is no part of torch.nn: this page does not build it")
        if isinstance(model.get("hidden_size"), list):
            raise ValueError("layers of different widths are no part of torch.nn: this page does not build them")
        if "embedding.weight" in shapes:
            self.embedding = nn.Embedding(*shapes["embedding.weight"])
        tables = [shapes[name] for name in sorted((n for n in shapes if n.startswith("category_embeddings.")),
                                                  key=lambda n: int(n.split(".")[1]))]
        if tables:
            self.category_embeddings = nn.ModuleList(nn.Embedding(*shape) for shape in tables)
        if model["cell"] != "none":
            options = {"nonlinearity": model["nonlinearity"]} if model["cell"] == "rnn" else {}
            if "rnn.weight_hr_l0" in shapes:
                options["proj_size"] = shapes["rnn.weight_hr_l0"][0]
            self.rnn = getattr(nn, model["cell"].upper())(
                shapes["rnn.weight_ih_l0"][1], model["hidden_size"], model["num_layers"], bias=model["bias"],
                batch_first=True, bidirectional=model["bidirectional"], **options)
        self.head = []
        linears = [layer["linear"] for layer in model["head"] if isinstance(layer, dict) and "linear" in layer]
        count = 0
        for layer in model["head"]:
            if isinstance(layer, str):
                self.head.append(ACTIVATIONS[layer]())
            elif "linear" in layer:
                count += 1
                name = "fc" if count == len(linears) else f"fc{count - 1}"
                # A tied layer has the embedding's weight.
                shape = shapes.get(f"{name}.weight") or shapes["embedding.weight"]
                linear = nn.Linear(shape[1], shape[0], bias=f"{name}.bias" in shapes)
                if f"{name}.weight" not in shapes:
                    linear.weight = self.embedding.weight
                self.add_module(name, linear)
                self.head.append(linear)

    def forward(self, inputs, codes=None):
        """Scaled numbers [B, T, F] or tokens [B, T]; codes [B, T, C] of categorical columns -> [B, outputs], [B, T, outputs]."""
        x = self.embedding(inputs) if hasattr(self, "embedding") else inputs
        if hasattr(self, "category_embeddings"):
            x = torch.cat([x] + [table(codes[..., c]) for c, table in enumerate(self.category_embeddings)], dim=-1)
        readout = self.model["readout"]
        if hasattr(self, "rnn"):
            x, state = self.rnn(x)
            if readout == "final_state":
                hidden = state[0] if isinstance(state, tuple) else state
                x = torch.cat(list(hidden[-2:] if self.rnn.bidirectional else hidden[-1:]), dim=-1)
            elif readout == "last_step":
                x = x[:, -1]
        if not hasattr(self, "rnn") or readout == "all_steps":
            x = x.flatten(1)
        for layer in self.head:
            x = layer(x)
        return x

    def scales(self, samples, series=None):
        """The scaler of each sample: its series' own, where each has one; that over all of a series that training did not see."""
        if not self.scaler:
            return [None] * samples
        if not self.scaler.get("series"):
            return [self.scaler] * samples
        if series is None:
            raise ValueError("each series has its own scale (data.scale_per: series): name that of each sample, predict(rows, "
                             "series=[...]); as a program behind the files")
        if len(series) != samples:
            raise ValueError(f"series names {len(series)} samples, rows has {samples}")
        own = {s["name"]: s for s in self.scaler["series"]}
        return [own.get(name, self.scaler) for name in series]

    def scale(self, rows, series=None):
        """Columns in the units of the file as the network reads them; those behind the scaled ones stay as they are."""
        rows = torch.as_tensor(numpy.asarray(rows), dtype=torch.float64).clone()
        for sample, scales in zip(rows, self.scales(len(rows), series)):
            for column, fill in enumerate((scales or {}).get("fills") or []):
                sample[..., column] = sample[..., column].nan_to_num(fill)
            for column, s in enumerate(scales["features"] if scales else []):
                x = sample[..., column]
                sample[..., column] = (x * s["scale"] + s["offset"] if self.scaler["method"] == "minmax"
                                       else (x - s["offset"]) / s["scale"])
        if rows.isnan().any():
            raise ValueError("rows has NaN where training had a value in every row; fill it in")
        return rows.float()

    def unscale(self, outputs, series=None):
        """Outputs `[B, ..., targets]` in the units of the file."""
        outputs = outputs.double().clone()
        for sample, scales in zip(outputs, self.scales(len(outputs), series)):
            for column, s in enumerate(scales["targets"] if scales else []):
                y = sample[..., column]
                sample[..., column] = ((y - s["offset"]) / s["scale"] if self.scaler["method"] == "minmax"
                                       else y * s["scale"] + s["offset"])
        return outputs

    def bases(self, rows, width):
        """What targets are changes from, `[B, width]`: of each its value in the last row."""
        data = self.recipe["data"]
        lacking = [name for name in data["targets"] if name not in data["features"]]
        if lacking:
            raise ValueError(f"data.relative counts from the last {', '.join(lacking)}, which rows does not have: add that to what "
                             "model(model.scale(rows)) gives, scaled back by model.unscale")
        columns = [data["features"].index(name) for name in data["targets"]]
        rows = torch.as_tensor(numpy.asarray(rows), dtype=torch.float64)
        return rows[:, -1, columns].repeat(1, width // len(columns))

    @torch.no_grad()
    def predict(self, rows, codes=None, series=None):
        """Rows `[B, T, F]` or tokens `[B, T]` -> what the page's head says. `series`: of each sample, with data.scale_per: series."""
        loss = self.recipe["loss"]["name"]
        if loss not in ("mse", "mae", "huber", "quantile", "bce_with_logits", "cross_entropy"):
            raise ValueError(f"loss {loss} has several outputs, or one that is no number to predict: this page does not predict with "
                             "it; forward() gives them raw")
        inputs = torch.as_tensor(rows) if hasattr(self, "embedding") else self.scale(rows, series)
        outputs = self.eval()(inputs, codes)
        if loss == "cross_entropy":
            return outputs.softmax(-1)
        if loss == "bce_with_logits":
            return outputs.sigmoid()
        levels = len(self.recipe["loss"]["levels"]) if loss == "quantile" else 1
        # Quantiles that cross are put in order, as recur does.
        outputs = outputs.unflatten(-1, (-1, levels)).sort(-1).values
        outputs = self.unscale(outputs.movedim(-1, 1), series).movedim(1, -1)
        if self.recipe["data"].get("relative"):
            outputs += self.bases(rows, outputs.shape[1])[..., None]
        return outputs if loss == "quantile" else outputs[..., 0]


def load(path):
    """The module of an exported file, in evaluation mode."""
    with safe_open(path, "pt") as file:
        metadata, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}
    if "recipe" not in metadata:
        raise ValueError(f"{path} has no recipe in its metadata: write it by recur export --safetensors")
    network = Network(yaml.safe_load(metadata["recipe"]), {n: list(t.shape) for n, t in tensors.items()}, metadata)
    # Of a tied layer the file has one tensor, the module two names.
    missing = network.load_state_dict(tensors, strict=False).missing_keys
    if any(name != "fc.weight" or "embedding.weight" not in tensors for name in missing):
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    return network.eval()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    try:
        rows = numpy.load(sys.argv[2])
        series = [sys.argv[4]] * len(rows) if len(sys.argv) == 5 else None
        numpy.save(sys.argv[3], load(sys.argv[1]).predict(rows, series=series).numpy())
    except (ValueError, OSError) as error:
        sys.exit(f"load.py: {error}")
