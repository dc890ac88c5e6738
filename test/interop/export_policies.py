"""Exports two policies from PyTorch to ONNX, as a user with PyTorch models would, with random weights.

Usage: export_policies.py FOLDER
Writes FOLDER/act.onnx and FOLDER/diffusion.onnx, and prints one JSON object: for each the inputs that were tried (flat
lists of numbers by name, with shapes) and what PyTorch gave for them.

act: ACT (Zhao et al. 2023) at deployment, z = 0. Joint positions [1, 8] and a camera [1, 3, 96, 96] to [1, 20, 8].
diffusion: Diffusion Policy (Chi et al. 2023). Two steps of joint positions and tool pose [1, 2, 17], and noise
[1, 16, 8], to [1, 16, 8]; the DDIM loop is part of the graph.
"""
import json
import math
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F


class Act(nn.Module):
    """Backbone, transformer encoder over [z, joints, image cells], decoder over learned queries."""

    def __init__(self, joints=8, actions=8, horizon=20, width=64, latent=16):
        super().__init__()
        self.latent = latent
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 16, 8, stride=4, padding=2),
            nn.GroupNorm(4, 16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=4),
            nn.GroupNorm(4, 32),
            nn.ReLU(),
            nn.Conv2d(32, width, 1),
        )
        self.joints = nn.Linear(joints, width)
        self.style = nn.Linear(latent, width)
        self.places = nn.Parameter(torch.randn(1, 38, width))
        layer = dict(d_model=width, nhead=4, dim_feedforward=128, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**layer), 2, enable_nested_tensor=False
        )
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**layer), 2)
        self.queries = nn.Parameter(torch.randn(1, horizon, width))
        self.head = nn.Linear(width, actions)

    def forward(self, joints, front):
        cells = self.backbone(front).flatten(2).transpose(1, 2)
        z = torch.zeros(joints.shape[0], self.latent)
        own = torch.stack([self.style(z), self.joints(joints)], 1)
        memory = self.encoder(torch.cat([own, cells], 1) + self.places)
        return self.head(self.decoder(self.queries.expand(joints.shape[0], -1, -1), memory))


class Block(nn.Module):
    """Convolution, group norm, Mish, with FiLM from the condition between two of them."""

    def __init__(self, inputs, outputs, condition):
        super().__init__()
        half = lambda a, b: nn.Sequential(nn.Conv1d(a, b, 5, padding=2), nn.GroupNorm(4, b), nn.Mish())
        self.first, self.second = half(inputs, outputs), half(outputs, outputs)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * outputs))
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, condition):
        scale, shift = self.film(condition).unsqueeze(-1).chunk(2, 1)
        return self.second(scale * self.first(x) + shift) + self.skip(x)


class Diffusion(nn.Module):
    """Noise to a chunk by 8 DDIM steps of a small conditional U-Net."""

    def __init__(self, seen=34, actions=8, train_steps=100, act_steps=8):
        super().__init__()
        condition = 32 + seen
        self.time = nn.Sequential(nn.Linear(32, 64), nn.Mish(), nn.Linear(64, 32))
        self.down, self.deep = Block(actions, 32, condition), Block(32, 64, condition)
        self.narrow = nn.Conv1d(32, 32, 3, stride=2, padding=1)
        self.widen = nn.ConvTranspose1d(64, 64, 4, stride=2, padding=1)
        self.up = Block(96, 32, condition)
        self.out = nn.Conv1d(32, actions, 1)
        level = lambda s: math.cos((s + 0.008) / 1.008 * math.pi / 2) ** 2
        kept, self.kept = 1.0, []
        for t in range(train_steps):
            kept *= 1 - min(0.999, 1 - level((t + 1) / train_steps) / level(t / train_steps))
            self.kept.append(kept)
        self.times = list(range(0, train_steps, train_steps // act_steps))[:act_steps][::-1]

    def epsilon(self, x, t, seen):
        omega = torch.exp(torch.arange(16) * (-math.log(10000) / 15))
        code = torch.cat([torch.sin(t * omega), torch.cos(t * omega)]).unsqueeze(0)
        condition = torch.cat([self.time(code).expand(x.shape[0], -1), seen], 1)
        a = self.down(x, condition)
        b = self.widen(self.deep(self.narrow(a), condition))
        return self.out(self.up(torch.cat([b, a], 1), condition))

    def forward(self, state, noise):
        seen, x = state.flatten(1), noise.transpose(1, 2)
        for i, t in enumerate(self.times):
            kept = self.kept[t]
            before = self.kept[self.times[i + 1]] if i + 1 < len(self.times) else 1.0
            epsilon = self.epsilon(x, float(t), seen)
            clean = ((x - math.sqrt(1 - kept) * epsilon) / math.sqrt(kept)).clamp(-1, 1)
            x = math.sqrt(before) * clean + math.sqrt(1 - before) * epsilon
        return x.transpose(1, 2)


def export(model, name, inputs):
    model.eval()
    with torch.no_grad():
        answer = model(*inputs.values())
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        folder / f"{name}.onnx",
        input_names=list(inputs),
        output_names=["action"],
        opset_version=18,
        external_data=False,
        dynamo=True,
        verbose=False,
    )
    flat = lambda t: {"shape": list(t.shape), "data": t.flatten().tolist()}
    return {"inputs": {k: flat(v) for k, v in inputs.items()}, "action": flat(answer)}


folder = Path(sys.argv[1])
torch.manual_seed(0)
torch.set_num_threads(1)
report = {
    "torch": torch.__version__,
    "act": export(Act(), "act", {"joints": torch.randn(1, 8), "front": torch.randn(1, 3, 96, 96)}),
    "diffusion": export(
        Diffusion(), "diffusion", {"state": torch.randn(1, 2, 17), "noise": torch.randn(1, 16, 8)}
    ),
}
print(json.dumps(report))
