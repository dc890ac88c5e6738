"""The policy networks of `bench train` in PyTorch, as one would write them there: library convolutions, norms and attention.

Parameters have the names that ours have (`/` there is `.` here). `translate` turns values that lie in another order.
"""
import torch
from torch import nn
from torch.nn import functional as F


def sines(positions, width):
    """Sinusoidal code, [..., width]: sines, then cosines."""
    half = width // 2
    angle = positions.unsqueeze(-1) * 10000.0 ** (-torch.arange(half) / half)
    return torch.cat([angle.sin(), angle.cos()], -1)


class Norm(nn.Module):
    """Scale and bias of a layer norm or of a group norm."""

    def __init__(self, size, groups=0):
        super().__init__()
        self.scale, self.bias, self.groups = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size)), groups

    def forward(self, x):
        if self.groups > 0:
            return F.group_norm(x, self.groups, self.scale, self.bias)
        return F.layer_norm(x, self.scale.shape, self.scale, self.bias)


class Layers(nn.Module):
    """Linear layers layer1, layer2, ... with an activation between them."""

    def __init__(self, *sizes, activation=F.relu):
        super().__init__()
        self.activation, self.count = activation, len(sizes) - 1
        for i in range(self.count):
            setattr(self, f"layer{i + 1}", nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, x):
        for i in range(self.count):
            x = getattr(self, f"layer{i + 1}")(x if i == 0 else self.activation(x))
        return x


class Attention(nn.Module):
    def __init__(self, width, heads, cross):
        super().__init__()
        self.heads, self.cross = heads, cross
        if cross:
            self.q, self.kv = nn.Linear(width, width), nn.Linear(width, 2 * width)
        else:
            self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x, memory=None):
        apart = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        if self.cross:
            q, (k, v) = self.q(x), self.kv(memory).chunk(2, -1)
        else:
            q, k, v = self.qkv(x).chunk(3, -1)
        y = F.scaled_dot_product_attention(apart(q), apart(k), apart(v))
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads, hidden, decoder):
        super().__init__()
        setattr(self, "self", Attention(width, heads, False))
        self.norm1, self.norm2 = Norm(width), Norm(width)
        self.feedforward = Layers(width, hidden, width)
        if decoder:
            self.cross, self.norm3 = Attention(width, heads, True), Norm(width)
        self.decoder = decoder

    def forward(self, x, memory=None):
        x = self.norm1(x + getattr(self, "self")(x))
        if not self.decoder:
            return self.norm2(x + self.feedforward(x))
        x = self.norm2(x + self.cross(x, memory))
        return self.norm3(x + self.feedforward(x))


class Stack(nn.Module):
    def __init__(self, layers, width, heads, hidden, decoder=False):
        super().__init__()
        self.layers = layers
        for i in range(layers):
            setattr(self, f"block{i + 1}", Block(width, heads, hidden, decoder))
        self.norm = Norm(width) if decoder else None

    def forward(self, x, memory=None):
        for i in range(self.layers):
            x = getattr(self, f"block{i + 1}")(x, memory)
        return x if self.norm is None else self.norm(x)


class Part(nn.Module):
    """A name under which other modules and parameters hang."""


class Act(nn.Module):
    def __init__(self, width=128, heads=4, hidden=256, joints=8, horizon=16, latent=16, cells=8):
        super().__init__()
        self.width, self.latent = width, latent
        e = self.encoder = Part()
        e.state = Layers(joints, 64)
        e.image_front = Part()
        e.image_front.stem, e.image_front.block1 = Part(), Part()
        e.image_front.stem.weight = nn.Parameter(torch.empty(32, 3, 8, 8))
        e.image_front.stem.bias = nn.Parameter(torch.empty(32))
        e.image_front.stem.norm = Norm(32, 8)
        e.image_front.block1.conv = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        e.image_front.block1.norm = Norm(64, 8)
        e.tokens_front = Part()
        e.tokens_front.project = nn.Linear(64, width)
        e.tokens_front.camera = nn.Parameter(torch.empty(1, 1, width))
        self.head = Part()
        s = self.head.style = Part()
        s.register_parameter("class", nn.Parameter(torch.empty(1, 1, width)))
        s.features, s.action = nn.Linear(64, width), nn.Linear(joints, width)
        s.encoder, s.latent = Stack(2, width, heads, hidden), nn.Linear(width, 2 * latent)
        p = self.head.policy = Part()
        p.latent, p.features = nn.Linear(latent, width), nn.Linear(64, width)
        p.places = nn.Parameter(torch.empty(1, 2, width))
        p.encoder, p.decoder = Stack(2, width, heads, hidden), Stack(2, width, heads, hidden, decoder=True)
        p.queries, p.action = nn.Parameter(torch.empty(1, horizon, width)), nn.Linear(width, joints)
        rows = torch.arange(cells).repeat_interleave(cells)
        columns = torch.arange(cells).repeat(cells)
        self.grid = torch.cat([sines(rows, width // 2), sines(columns, width // 2)], -1)
        self.order = sines(torch.arange(horizon + 2), width)

    @staticmethod
    def translate(values):
        stem = values["encoder/image_front/stem/weight"]
        values["encoder/image_front/stem/weight"] = stem.reshape(8, 8, 3, -1).permute(3, 2, 0, 1)
        return values

    def loss(self, front, joints, action, epsilon):
        batch = len(joints)
        image, tokens = self.encoder.image_front, self.encoder.tokens_front
        pixels = front[:, 0].permute(0, 3, 1, 2).contiguous().to(torch.get_default_dtype()) / 127.5 - 1
        x = F.relu(image.stem.norm(F.conv2d(pixels, image.stem.weight, image.stem.bias, stride=8)))
        x = F.relu(image.block1.norm(image.block1.conv(x)))
        cells = tokens.project(x.flatten(2).transpose(1, 2)) + self.grid + tokens.camera
        features = F.relu(self.encoder.state(joints[:, 0]))

        s, p = self.head.style, self.head.policy
        first = s.get_parameter("class").expand(batch, -1, -1)
        read = s.encoder(torch.cat([first, s.features(features).unsqueeze(1), s.action(action)], 1) + self.order)
        mu, log_variance = s.latent(read[:, 0]).chunk(2, -1)
        z = mu + torch.exp(0.5 * log_variance) * epsilon
        own = torch.stack([p.latent(z), p.features(features)], 1) + p.places
        memory = p.encoder(torch.cat([own, cells], 1))
        answer = p.action(p.decoder(p.queries.expand(batch, -1, -1), memory))
        kl = 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return F.l1_loss(answer, action) + 10 * kl


class Convolution(nn.Module):
    def __init__(self, inputs, outputs, kernel=5):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2), Norm(outputs, 8)

    def forward(self, x):
        return F.silu(self.norm(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, condition):
        super().__init__()
        self.first, self.second = Convolution(inputs, outputs), Convolution(outputs, outputs)
        self.film = nn.Linear(condition, 2 * outputs)
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x, condition):
        gamma, beta = self.film(condition).unsqueeze(-1).chunk(2, 1)
        y = self.second((1 + gamma) * self.first(x) + beta)
        return y + (x if self.skip is None else self.skip(x))


class Unet(nn.Module):
    def __init__(self, actions=8, seen=32, time=32, a=64, b=128):
        super().__init__()
        d = self.denoiser = Part()
        d.time = Layers(time, 2 * time, time, activation=F.silu)
        u = d.unet = Part()
        block = lambda i, o: Residual(i, o, time + seen)
        u.down0a, u.down0b, u.down1a, u.down1b = block(actions, a), block(a, a), block(a, b), block(b, b)
        u.halve0 = nn.Conv1d(a, a, 3, stride=2, padding=1)
        u.middlea, u.middleb = block(b, b), block(b, b)
        u.double0 = nn.ConvTranspose1d(b, b, 4, stride=2, padding=1)
        u.up0a, u.up0b = block(b + a, a), block(a, a)
        u.last, u.out = Convolution(a, a), nn.Conv1d(a, actions, 1)

    def translate(self, values):
        even, odd = (values.pop(f"denoiser/unet/double0/{name}").chunk(2) for name in ("even", "odd"))
        values["denoiser/unet/double0/weight"] = torch.stack([odd[1], even[0], odd[0], even[1]], -1)
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv1d):
                o, i, k = module.weight.shape
                name = f"{name}.weight".replace(".", "/")
                values[name] = values[name].reshape(k, i, o).permute(2, 1, 0)
        return values

    def loss(self, noisy, time, seen, target):
        u = self.denoiser.unet
        condition = F.silu(torch.cat([self.denoiser.time(sines(time.to(torch.get_default_dtype()), 32)), seen], 1))
        x = u.down0b(u.down0a(noisy.transpose(1, 2), condition), condition)
        y = u.down1b(u.down1a(u.halve0(x), condition), condition)
        y = u.middleb(u.middlea(y, condition), condition)
        y = torch.cat([u.double0(y), x], 1)
        y = u.out(u.last(u.up0b(u.up0a(y, condition), condition)))
        return F.mse_loss(y.transpose(1, 2), target)
