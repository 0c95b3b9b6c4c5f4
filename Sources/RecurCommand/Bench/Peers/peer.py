"""A step of a bench case in another library: what `recur bench --compare` times beside its own.

A line of JSON on standard input says which case and how. The answer is a line of JSON: the library's name and version, and how many
parameters the network has. Each further line is a number of seconds: steps are taken for so long, and the milliseconds of each are
answered. A line {"failure": TEXT} is the last one.
"""
import json
import os
import sys
import time

answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # What a library prints is no answer.


def torch_steps(case):
    import torch
    from torch import nn

    torch.set_num_threads(case["threads"])

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            vocabulary, width = case["vocabulary"], case["inputs"]
            self.embedding = nn.Embedding(vocabulary, width) if vocabulary else None
            self.rnn = getattr(nn, case["cell"].upper())(
                width, case["hidden"], case["layers"], batch_first=True, bidirectional=case["bidirectional"]
            )
            width = case["hidden"] * (2 if case["bidirectional"] else 1)
            self.fc = nn.Linear(width * (case["steps"] if case["readout"] == "all_steps" else 1), case["outputs"])

        def forward(self, x, state=None):
            if self.embedding is not None:
                x = self.embedding(x)
            if case["lengths"]:
                x = nn.utils.rnn.pack_padded_sequence(x, case["lengths"], batch_first=True)
            outputs, state = self.rnn(x, state)
            if case["readout"] == "all_steps":
                readout = outputs.reshape(outputs.shape[0], -1)
            elif case["readout"] == "final_state":
                h = state[0] if case["cell"] == "lstm" else state
                readout = torch.cat([h[-2], h[-1]], -1) if case["bidirectional"] else h[-1]
            else:
                readout = outputs if case["readout"] == "every_step" else outputs[:, -1]
            return self.fc(readout), state

    torch.manual_seed(0)
    net, batch, steps = Net(), case["batch"], 1 if case["task"] == "stepping" else case["steps"]
    shape = (batch, steps)
    x = torch.randint(case["vocabulary"], shape) if case["vocabulary"] else torch.rand(*shape, case["inputs"]) * 2 - 1
    parameters = sum(p.numel() for p in net.parameters())
    if case["task"] == "training":
        rows = shape if case["readout"] == "every_step" else (batch,)
        y = torch.randint(case["outputs"], rows) if case["classes"] else torch.rand(*rows, case["outputs"])
        loss_of = nn.functional.cross_entropy if case["classes"] else nn.functional.mse_loss
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

        def step():
            outputs, _ = net(x)
            if case["classes"]:
                loss = loss_of(outputs.reshape(-1, case["outputs"]), y.reshape(-1))
            else:
                loss = loss_of(outputs, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return "PyTorch " + torch.__version__, parameters, step
    net.eval()
    state = [None]

    @torch.inference_mode()
    def infer():
        _, after = net(x, state[0])
        if case["task"] == "stepping":
            state[0] = after

    return "PyTorch " + torch.__version__, parameters, infer


def jax_steps(case):
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen={} intra_op_parallelism_threads={}".format(
        "true" if case["threads"] > 1 else "false", case["threads"]
    )
    import jax
    import jax.numpy as jnp

    if case["lengths"]:
        raise ValueError("sequences of different lengths are not written for JAX")
    cell, hidden, batch = case["cell"], case["hidden"], case["batch"]
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[cell]
    directions = 2 if case["bidirectional"] else 1
    steps = 1 if case["task"] == "stepping" else case["steps"]

    def advance(p, state, projected):
        h, c = state
        recurrent = h @ p["hh"] + p["bh"]
        if cell == "gru":
            xr, xz, xn = jnp.split(projected, 3, -1)
            hr, hz, hn = jnp.split(recurrent, 3, -1)
            z = jax.nn.sigmoid(xz + hz)
            h = (1 - z) * jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn) + z * h
        elif cell == "lstm":
            i, f, g, o = jnp.split(projected + recurrent, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
        else:
            h = jnp.tanh(projected + recurrent)
        return (h, c), h

    def run_layer(p, x, reverse, state):
        return jax.lax.scan(lambda s, row: advance(p, s, row), state, x @ p["ih"] + p["bi"], reverse=reverse)

    def forward(parameters, x, states):
        values, after = parameters["embedding"][x] if case["vocabulary"] else x, []
        for layer, layer_states in zip(parameters["layers"], states):
            results = [run_layer(p, values, d == 1, s) for d, (p, s) in enumerate(zip(layer, layer_states))]
            after.append([state for state, _ in results])
            values = jnp.concatenate([outputs for _, outputs in results], -1)
        if case["readout"] == "all_steps":
            values = values.transpose(1, 0, 2).reshape(values.shape[1], -1)
        elif case["readout"] == "final_state":
            values = jnp.concatenate([state[0] for state in after[-1]], -1)
        elif case["readout"] == "last_step":
            values = values[-1]
        return values @ parameters["w"] + parameters["b"], after

    key, bound = jax.random.PRNGKey(0), hidden**-0.5

    def uniform(*shape):
        return jax.random.uniform(key, shape, minval=-bound, maxval=bound)

    def layer(inputs):
        width = gates * hidden
        return {"ih": uniform(inputs, width), "hh": uniform(hidden, width), "bi": uniform(width), "bh": uniform(width)}

    width = hidden * directions
    parameters = {
        "layers": [
            [layer(case["inputs"] if k == 0 else width) for _ in range(directions)] for k in range(case["layers"])
        ],
        "w": uniform(width * (case["steps"] if case["readout"] == "all_steps" else 1), case["outputs"]),
        "b": uniform(case["outputs"]),
    }
    if case["vocabulary"]:
        parameters["embedding"] = uniform(case["vocabulary"], case["inputs"])
        x = jax.random.randint(key, (steps, batch), 0, case["vocabulary"])
    else:
        x = jax.random.uniform(key, (steps, batch, case["inputs"]), minval=-1)
    zero = jnp.zeros((batch, hidden))
    states = [[(zero, zero)] * directions] * case["layers"]
    count = sum(leaf.size for leaf in jax.tree_util.tree_leaves(parameters))
    name = "JAX " + jax.__version__
    if case["task"] != "training":
        run = jax.jit(forward)
        carried = [states]

        def infer():
            outputs, after = run(parameters, x, carried[0])
            outputs.block_until_ready()
            if case["task"] == "stepping":
                carried[0] = after

        return name, count, infer

    rows = (steps, batch) if case["readout"] == "every_step" else (batch,)
    y = (
        jax.random.randint(key, rows, 0, case["outputs"])
        if case["classes"]
        else jax.random.uniform(key, rows + (case["outputs"],))
    )

    def loss_of(parameters):
        outputs, _ = forward(parameters, x, states)
        if not case["classes"]:
            return jnp.mean((outputs - y) ** 2)
        logits = jax.nn.log_softmax(outputs)
        return -jnp.mean(jnp.take_along_axis(logits, y[..., None], -1))

    @jax.jit
    def train(parameters, first, second, number):
        loss, gradients = jax.value_and_grad(loss_of)(parameters)
        each = jax.tree_util.tree_map
        first = each(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = each(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        a, b = 1e-3 / (1 - 0.9**number), 1 - 0.999**number
        parameters = each(lambda p, m, v: p - a * m / (jnp.sqrt(v / b) + 1e-8), parameters, first, second)
        return parameters, first, second, number + 1, loss

    zeros = jax.tree_util.tree_map(jnp.zeros_like, parameters)
    training = [(parameters, zeros, zeros, jnp.float32(1))]

    def step():
        *after, loss = train(*training[0])
        loss.block_until_ready()
        training[0] = tuple(after)

    return name, count, step


def onnx_steps(case):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = case["threads"], 1
    session = onnxruntime.InferenceSession(case["model"], options, providers=["CPUExecutionProvider"])
    random, batch = np.random.default_rng(0), case["batch"]
    steps = 1 if case["task"] == "stepping" else case["steps"]
    feed = {}
    for value in session.get_inputs():
        if value.name == "tokens":
            feed["tokens"] = random.integers(0, case["vocabulary"], (batch, steps), dtype=np.int64)
        elif value.name == "lengths":
            feed["lengths"] = np.array(case["lengths"] if steps > 1 else [1] * batch, np.int64)
        elif value.name == "input":
            feed["input"] = random.uniform(-1, 1, (batch, steps, case["inputs"])).astype(np.float32)
        else:
            feed[value.name] = np.zeros((value.shape[0], batch, value.shape[2]), np.float32)
    outputs = [value.name for value in session.get_outputs()]
    carried = [(name, outputs.index(name.replace("0", "n", 1))) for name in feed if name[:3] in ("h0_", "c0_")]

    def infer():
        results = session.run(outputs, feed)
        for name, place in carried:
            feed[name] = results[place]

    return "ONNX Runtime " + onnxruntime.__version__, None, infer


def main():
    case = json.loads(sys.stdin.readline())
    try:
        if case["cores"] and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, case["cores"])
        name, parameters, step = {"torch": torch_steps, "jax": jax_steps, "onnx": onnx_steps}[case["library"]](case)
        for _ in range(3):
            step()
    except Exception as error:
        text = str(error).strip().split("\n")[0] or type(error).__name__
        print(json.dumps({"failure": text}), file=answers)
        return
    print(json.dumps({"name": name, "parameters": parameters}), file=answers)
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        while True:
            begin = time.perf_counter()
            step()
            now = time.perf_counter()
            times.append((now - begin) * 1e3)
            if now >= end:
                break
        print(json.dumps({"milliseconds": times}), file=answers)


main()
