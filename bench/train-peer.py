"""PyTorch's side of `bench train`: the twin of a case, from the same parameters and batches.

argv[1] is a folder with case.json, parameters.bin and batches.bin; requests are JSON lines on stdin:
{"op": "losses", "steps": n} starts anew and answers the losses of n steps, {"op": "time", "steps": n} goes on and answers
the milliseconds of each.
"""
import json
import os
import sys
import time

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
        h = image.permute(0, 3, 1, 2).contiguous().float() / 255
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
    """Ours are [in, out] for a matrix product; nn.Linear keeps them the other way round."""
    values = model.translate(dict(values)) if hasattr(model, "translate") else values
    own = dict(model.named_parameters())
    assert set(own) == {name.replace("/", ".") for name in values}, "the twins have other parameters"
    linear = {f"{name}.weight" for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    with torch.no_grad():
        for name, value in values.items():
            name = name.replace("/", ".")
            own[name].copy_(value.T if name in linear else value)


class Training:
    def __init__(self, case, values):
        self.model = TWINS[case["twin"]](**case["settings"])
        load(self.model, values)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=case["rate"])
        self.done = 0

    def step(self, batches):
        batch = batches[self.done % len(batches)]
        self.optimizer.zero_grad()
        loss = self.model.loss(**batch)
        loss.backward()
        self.optimizer.step()
        self.done += 1
        return loss.item()


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
    training = Training(case, values)
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "losses":
            training = Training(case, values)
            print(json.dumps({"losses": [training.step(batches) for _ in range(request["steps"])]}), flush=True)
        else:
            times = []
            for _ in range(request["steps"]):
                start = time.perf_counter()
                training.step(batches)
                times.append(1000 * (time.perf_counter() - start))
            print(json.dumps({"ms": times}), flush=True)


main()
