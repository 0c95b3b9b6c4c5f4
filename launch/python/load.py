#!/usr/bin/env python3
"""Builds the PyTorch module of a file that `recur export RUN --safetensors FILE` wrote, and predicts with it.

    from load import load
    model = load("model.safetensors")
    model.predict(rows)       # [B, T, F], the columns in the units of the data file -> [B, targets] in those units, or probabilities
    model.state_dict()        # the names that `recur train --init-from` takes

As a program: `load.py model.safetensors rows.npy predictions.npy`. Needs torch, safetensors, numpy and PyYAML. Networks are those of
torch.nn: what recur has beyond (layer_norm, zoneout, residual, widths of their own, learned states, decoders) is refused.
"""
import json
import sys

import numpy
import torch
import yaml
from safetensors import safe_open
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
BEYOND = {"layer_norm": False, "zoneout": 0, "residual": False, "learned_initial_state": False, "decoder": None}


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
            if value != plain and value not in ({"hidden": 0.0, "cell": 0.0}, 0.0):
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

    def scale(self, rows):
        """Columns in the units of the file as the network reads them; those behind the scaled ones stay as they are."""
        rows = torch.as_tensor(numpy.asarray(rows), dtype=torch.float64).clone()
        for column, s in enumerate(self.scaler["features"] if self.scaler else []):
            x = rows[..., column]
            rows[..., column] = (x * s["scale"] + s["offset"] if self.scaler["method"] == "minmax"
                                 else (x - s["offset"]) / s["scale"])
        return rows.float()

    def unscale(self, outputs):
        """Targets in the units of the file."""
        outputs = outputs.double()
        for column, s in enumerate(self.scaler["targets"] if self.scaler else []):
            y = outputs[..., column]
            outputs[..., column] = ((y - s["offset"]) / s["scale"] if self.scaler["method"] == "minmax"
                                    else y * s["scale"] + s["offset"])
        return outputs

    @torch.no_grad()
    def predict(self, rows, codes=None):
        """Numbers in the units of the file; of classes their probabilities; of other losses the outputs as they are."""
        inputs = torch.as_tensor(rows) if hasattr(self, "embedding") else self.scale(rows)
        outputs = self.eval()(inputs, codes)
        loss = self.recipe["loss"]["name"]
        if loss == "cross_entropy":
            return outputs.softmax(-1)
        return self.unscale(outputs) if loss in ("mse", "mae", "huber") else outputs


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
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        numpy.save(sys.argv[3], load(sys.argv[1]).predict(numpy.load(sys.argv[2])).numpy())
    except (ValueError, OSError) as error:
        sys.exit(f"load.py: {error}")
