"""One training step of CT-CLIP in plain PyTorch: the peer that `ctclip-bench train` is measured against.

The operations stand in the form in which the reference has them: the position
bias network on all token pairs, attention with stored probabilities, a codebook search over the full similarity
matrix with one-hot statistics, text padded to 512 tokens, and every parameter in the optimizer.

    python3 tests/peers/train_peer.py --size full --batch 1 --steps 3 --threads 2

prints one JSON line: seconds per step (median, spread), peak resident memory, hardware.
"""
import argparse
import json
import math
import platform
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn


class GammaNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))
        self.register_buffer("beta", torch.zeros(dim))

    def forward(self, x):
        return F.layer_norm(x, x.shape[-1:], self.gamma, self.beta)


class Attention(nn.Module):
    def __init__(self, dim, heads, dim_head):
        super().__init__()
        self.heads = heads
        self.norm = GammaNorm(dim)
        self.to_q = nn.Linear(dim, heads * dim_head, bias=False)
        self.to_kv = nn.Linear(dim, 2 * heads * dim_head, bias=False)
        self.to_out = nn.Linear(heads * dim_head, dim, bias=False)
        self.q_scale = nn.Parameter(torch.ones(dim_head))
        self.k_scale = nn.Parameter(torch.ones(dim_head))

    def split(self, x):
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def forward(self, x, bias=None):
        q = self.split(self.to_q(self.norm(x)))
        k, v = (self.split(part) for part in self.to_kv(x).chunk(2, dim=-1))
        q = F.normalize(q, dim=-1) * self.q_scale
        k = F.normalize(k, dim=-1) * self.k_scale
        logits = torch.einsum("bhid,bhjd->bhij", q, k) * 8
        if bias is not None:
            logits = logits + bias
        out = torch.einsum("bhij,bhjd->bhid", logits.softmax(dim=-1), v)
        return self.to_out(out.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, dim):
        super().__init__()
        inner = int(4 * (2 / 3) * dim)
        self.norm = nn.LayerNorm(dim)
        self.to_hidden = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, x):
        value, gate = self.to_hidden(self.norm(x)).chunk(2, dim=-1)
        return self.to_out(value * F.gelu(gate))


class Peg(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dsconv = nn.Conv3d(dim, dim, 3, groups=dim)

    def forward(self, x, grid):
        shape = x.shape
        x = x.reshape(*grid, -1).permute(0, 4, 1, 2, 3)
        x = self.dsconv(F.pad(x, (1, 1, 1, 1, 2, 0)))
        return x.permute(0, 2, 3, 4, 1).reshape(shape)


class Transformer(nn.Module):
    def __init__(self, c, depth):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([Peg(c.dim), Attention(c.dim, c.heads, c.dim_head), FeedForward(c.dim)])
            for _ in range(depth)
        )
        self.norm_out = GammaNorm(c.dim)

    def forward(self, x, grid, bias=None):
        for peg, attention, feed_forward in self.layers:
            x = peg(x, grid) + x
            x = attention(x, bias) + x
            x = feed_forward(x) + x
        return self.norm_out(x)


class PositionBias(nn.Module):
    def __init__(self, heads, dim=512):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, dim), nn.LeakyReLU(0.1), nn.Linear(dim, dim), nn.LeakyReLU(0.1), nn.Linear(dim, heads)
        )

    def forward(self, height, width):
        grid = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))
        positions = grid.flatten(1).T
        offsets = (positions[:, None] - positions[None, :]).to(self.net[0].weight.dtype)
        return self.net(torch.sign(offsets) * torch.log(offsets.abs() + 1)).permute(2, 0, 1)


class Codebook(nn.Module):
    def __init__(self, size, dim):
        super().__init__()
        self.register_buffer("embed", F.normalize(torch.rand(size, dim) * 2 - 1, dim=-1))
        self.register_buffer("cluster_size", torch.zeros(size))

    def forward(self, x):
        flat = F.normalize(x.detach().reshape(-1, x.shape[-1]), dim=-1)
        codes = F.normalize(self.embed, dim=-1)
        similarity = flat @ codes.T
        index = similarity.argmax(dim=-1)
        one_hot = F.one_hot(index, len(codes)).type(flat.dtype)
        quantised = self.embed[index].view_as(x)
        count = one_hot.sum(0)
        self.cluster_size.mul_(0.8).add_(count, alpha=0.2)
        sums = one_hot.T @ flat
        mean = torch.where((count == 0)[:, None], codes, F.normalize(sums / count.clamp(min=1)[:, None], dim=-1))
        self.embed.lerp_(mean, 0.2)
        return x + (quantised - x).detach()


class CTViT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        features = c.temporal_patch * c.patch * c.patch
        self.to_patch_emb = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, c.dim), nn.LayerNorm(c.dim))
        self.spatial_rel_pos_bias = PositionBias(c.heads)
        self.spatial = Transformer(c, c.spatial_depth)
        self.temporal = Transformer(c, c.temporal_depth)
        self.codebook = Codebook(c.codebook, c.dim)

    def forward(self, volume):
        c, batch = self.c, volume.shape[0]
        t, h, w = volume.shape[2] // c.temporal_patch, volume.shape[3] // c.patch, volume.shape[4] // c.patch
        x = volume.view(batch, t, c.temporal_patch, h, c.patch, w, c.patch)
        x = self.to_patch_emb(x.permute(0, 1, 3, 5, 2, 4, 6).reshape(batch, t, h, w, -1))
        grid = (batch, t, h, w)
        x = self.spatial(x.view(batch * t, h * w, -1), grid, self.spatial_rel_pos_bias(h, w))
        x = x.view(batch, t, h * w, -1).transpose(1, 2).reshape(batch * h * w, t, -1)
        x = self.temporal(x, grid)
        x = x.view(batch, h * w, t, -1).transpose(1, 2).reshape(batch, t * h * w, -1)
        return self.codebook(x).view(batch, t, h, w, -1)


class BertLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.query, self.key, self.value, self.output = (nn.Linear(c.hidden, c.hidden) for _ in range(4))
        self.attention_norm = nn.LayerNorm(c.hidden, eps=1e-12)
        self.intermediate = nn.Linear(c.hidden, c.intermediate)
        self.out = nn.Linear(c.intermediate, c.hidden)
        self.output_norm = nn.LayerNorm(c.hidden, eps=1e-12)
        self.dropout = nn.Dropout(c.dropout)

    def split(self, x):
        return x.view(*x.shape[:2], self.c.text_heads, -1).transpose(1, 2)

    def forward(self, x, mask):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        logits = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask
        context = self.dropout(logits.softmax(dim=-1)) @ v
        x = self.attention_norm(x + self.dropout(self.output(context.transpose(1, 2).flatten(2))))
        return self.output_norm(x + self.dropout(self.out(F.gelu(self.intermediate(x)))))


class Bert(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.word = nn.Embedding(c.vocabulary, c.hidden)
        self.position = nn.Embedding(c.max_length, c.hidden)
        self.token_type = nn.Embedding(2, c.hidden)
        self.norm = nn.LayerNorm(c.hidden, eps=1e-12)
        self.dropout = nn.Dropout(c.dropout)
        self.layers = nn.ModuleList(BertLayer(c) for _ in range(c.text_depth))
        self.pooler = nn.Linear(c.hidden, c.hidden)

    def forward(self, ids, attention_mask):
        x = self.word(ids) + self.token_type(torch.zeros_like(ids)) + self.position(torch.arange(ids.shape[1]))
        x = self.dropout(self.norm(x))
        mask = (1.0 - attention_mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        for layer in self.layers:
            x = layer(x, mask)
        return x[:, 0]


class ClipModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.visual = CTViT(c)
        self.text = Bert(c)
        image_dim = (c.image // c.patch) ** 2 * c.dim
        self.to_visual_latent = nn.Linear(image_dim, c.latent, bias=False)
        self.to_text_latent = nn.Linear(c.hidden, c.latent, bias=False)
        self.to_visual_latent_extra = nn.Linear(image_dim, c.latent, bias=False)
        self.to_text_latent_extra = nn.Linear(c.hidden, c.latent, bias=False)
        self.temperature = nn.Parameter(torch.tensor(1.0))

    def forward(self, volume, ids, mask):
        image = F.normalize(self.to_visual_latent(self.visual(volume).mean(dim=1).flatten(1)), dim=-1)
        text = F.normalize(self.to_text_latent(self.text(ids, mask)), dim=-1)
        similarity = self.temperature.exp() * text @ image.T
        exponent = similarity.exp()
        rows = -(exponent.diag() + 1e-20).log() + (exponent.sum(1) + 1e-20).log()
        columns = -(exponent.diag() + 1e-20).log() + (exponent.sum(0) + 1e-20).log()
        return (rows.mean() + columns.mean()) / 2


FULL = dict(dim=512, codebook=8192, image=480, frames=240, patch=20, temporal_patch=10, spatial_depth=4,
            temporal_depth=4, dim_head=32, heads=8, latent=512, vocabulary=30522, hidden=768, text_depth=12,
            text_heads=12, intermediate=3072, max_length=512, dropout=0.25)
SMALL = dict(FULL, dim=128, codebook=512, image=120, frames=60, spatial_depth=2, temporal_depth=2, heads=4,
             latent=128, vocabulary=3000, hidden=128, text_depth=2, text_heads=4, intermediate=512)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=["full", "small"], default="full")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--frames", type=int, help="slices of each volume (default: 240 or 60)")
    parser.add_argument("--text-tokens", type=int, default=200, help="real tokens of each report, padded to 512")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    c = argparse.Namespace(**(FULL if arguments.size == "full" else SMALL))
    c.frames = arguments.frames or c.frames
    model = ClipModel(c)
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
        lr=1.25e-6, betas=(0.9, 0.99), eps=1e-8)
    volume = torch.rand(arguments.batch, 1, c.frames, c.image, c.image) * 2 - 1
    ids = torch.randint(5, c.vocabulary, (arguments.batch, c.max_length))
    mask = (torch.arange(c.max_length) < arguments.text_tokens).long().repeat(arguments.batch, 1)
    seconds = []
    for step in range(arguments.warmup + arguments.steps):
        start = time.perf_counter()
        loss = model(volume, ids, mask)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        if step >= arguments.warmup:
            seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "peer": "pytorch", "size": arguments.size, "batch": arguments.batch, "frames": c.frames, "threads": arguments.threads,
        "text_tokens": arguments.text_tokens, "steps": arguments.steps, "step_s_median": statistics.median(seconds),
        "step_s_min": min(seconds), "step_s_max": max(seconds),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "torch": torch.__version__, "machine": platform.machine(), "capability": torch.backends.cpu.get_cpu_capability(),
    }))


if __name__ == "__main__":
    main()
