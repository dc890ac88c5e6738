"""PyTorch's side of `bench train`: the twin of a case, from the same parameters and batches.

argv[1] is a folder with case.json, parameters.bin and batches.bin; requests are JSON lines on stdin:
{"op": "losses", "steps": n, "type": "float32"} starts anew and answers the losses of n steps, in float32 or float64;
{"op": "gradient"} reads gradient.bin, laid out as parameters.bin, and answers how far it and PyTorch's own float32 gradient
of the first batch are from the one in float64, as shares of its length; {"op": "time", "steps": n} goes on and answers the
milliseconds of each step.
"""
import json
import os
import sys
import time
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from train_twins import Act, Unet

TYPES = {"float32": np.float32, "uint8": np.uint8, "int64": np.int64, "int32": np.int32}


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(32, 256), nn.Linear(256, 256), nn.Linear(256, 8)

    def loss(self, x, target):
        return nn.functional.mse_loss(self.out(torch.relu(self.two(torch.relu(self.one(x))))), target)


class Cnn(nn.Module):
    def __init__(self, size):
        super().__init__()
        conv = lambda a, b: nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.one, self.two, self.three = conv(3, 32), conv(32, 64), conv(64, 64)
        self.out = nn.Linear(64 * (size // 8) ** 2, 8)

    def loss(self, image, target):
        h = image.permute(0, 3, 1, 2).contiguous().to(torch.get_default_dtype()) / 255
        for layer in (self.one, self.two, self.three):
            h = torch.relu(layer(h))
        return nn.functional.mse_loss(self.out(h.flatten(1)), target)


TWINS = {"mlp": Mlp, "cnn": Cnn, "act": Act, "unet": Unet}


def read(file, parts):
    """Arrays of the named shapes and types, one behind the other."""
    data, at, out = np.fromfile(file, np.uint8), 0, {}
    for part in parts:
        kind = np.dtype(TYPES[part["dtype"]])
        size = int(np.prod(part["shape"], dtype=np.int64)) * kind.itemsize
        out[part["name"]] = torch.from_numpy(data[at : at + size].copy().view(kind).reshape(part["shape"]))
        at += size
    return out


def load(model, values):
    """Sets the parameters. Ours are [in, out] for a matrix product; nn.Linear keeps them the other way round."""
    values = model.translate(dict(values)) if hasattr(model, "translate") else values
    own = dict(model.named_parameters())
    assert set(own) == {name.replace("/", ".") for name in values}, "the twins have other parameters"
    linear = {f"{name}.weight" for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    with torch.no_grad():
        for name, value in values.items():
            name = name.replace("/", ".")
            own[name].copy_(value.T if name in linear else value)


class Training:
    def __init__(self, case, values, batches):
        self.model = TWINS[case["twin"]](**case["settings"])
        load(self.model, values)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=case["rate"])
        self.batches = batches
        self.done = 0

    def step(self):
        batch = self.batches[self.done % len(self.batches)]
        self.optimizer.zero_grad()
        loss = self.model.loss(**batch)
        loss.backward()
        self.optimizer.step()
        self.done += 1
        return loss.item()


@contextmanager
def precision(kind):
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, kind))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def cast(batch):
    return {name: v.to(torch.get_default_dtype()) if v.is_floating_point() else v for name, v in batch.items()}


def gradient(case, values, batch):
    """Of the first batch, as one vector of float64."""
    model = TWINS[case["twin"]](**case["settings"])
    load(model, values)
    model.loss(**cast(batch)).backward()
    return torch.cat([p.grad.flatten().double() for p in model.parameters()])


def as_vector(case, values):
    """Values under our names, in the order of `gradient`."""
    model = TWINS[case["twin"]](**case["settings"])
    load(model, values)
    return torch.cat([p.detach().flatten().double() for p in model.parameters()])


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "case.json"), encoding="utf8") as file:
        case = json.load(file)
    torch.set_num_threads(case["threads"])
    values = read(os.path.join(folder, "parameters.bin"), case["parameters"])
    parts = [{**part, "name": (i, part["name"])} for i in range(case["batches"]) for part in case["inputs"]]
    everything = read(os.path.join(folder, "batches.bin"), parts)
    names = [part["name"] for part in case["inputs"]]
    batches = [{name: everything[i, name] for name in names} for i in range(case["batches"])]

    def losses(steps, kind):
        with precision(kind):
            training = Training(case, values, [cast(batch) for batch in batches])
            return [training.step() for _ in range(steps)]

    def far():
        with precision("float64"):
            exact = gradient(case, values, batches[0])
        given = as_vector(case, read(os.path.join(folder, "gradient.bin"), case["parameters"]))
        own = gradient(case, values, batches[0])
        return [((v - exact).norm() / exact.norm()).item() for v in (given, own)]

    training = Training(case, values, batches)

    def measure(steps):
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            training.step()
            times.append(1000 * (time.perf_counter() - start))
        return times

    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "losses":
            answer = {"losses": losses(request["steps"], request["type"])}
        elif request["op"] == "gradient":
            answer = {"far": far()}
        else:
            answer = {"ms": measure(request["steps"])}
        print(json.dumps(answer), flush=True)


main()
