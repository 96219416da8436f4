#!/usr/bin/env python3
"""A plain eager PyTorch program of the work that `selm bench` measures, to measure against.

Written the way Hugging Face's eager Llama and TRL's DPO trainer with the SELM loss do it: separate projections,
RMSNorm and softmax in float32, rotary embedding by rotate_half, keys and values repeated for grouped heads, an additive
[batch, 1, query, key] mask, three full rows (prompt + chosen, + rejected, + reference response) per example, logits
at every position. Nothing is slowed down and nothing is fused. Needs torch >= 1.13 only.
"""
import argparse
import json
import math
import os
import sys
import time

# OpenBLAS keeps a thread pool of its own that torch.set_num_threads does not reach; it reads these when it is loaded.
THREADS = sys.argv[sys.argv.index("--threads") + 1] if "--threads" in sys.argv[:-1] else "1"
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = THREADS

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

IGNORED = -100  # label of a position that carries no loss
BETA, ALPHA = 0.1, 0.005


class RMSNorm(nn.Module):
    def __init__(self, size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):  # [batch, seq, size]
        dtype = x.dtype
        x = x.to(torch.float32)
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * x.to(dtype)


class Rotary(nn.Module):
    def __init__(self, head_size, longest, base=10000.0):
        super().__init__()
        rates = 1.0 / base ** (torch.arange(0, head_size, 2).float() / head_size)
        angles = torch.outer(torch.arange(longest).float(), rates)
        angles = torch.cat((angles, angles), dim=-1)  # [longest, head_size]
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, positions):  # [batch, seq] -> two of [batch, 1, seq, head_size]
        return self.cos[positions].unsqueeze(1), self.sin[positions].unsqueeze(1)


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def repeat_kv(x, times):  # [batch, kv_heads, seq, d] -> [batch, kv_heads * times, seq, d]
    return x if times == 1 else x.unsqueeze(2).expand(-1, -1, times, -1, -1).flatten(1, 2)


class Attention(nn.Module):
    def __init__(self, o, layer):
        super().__init__()
        self.layer, self.heads, self.kv_heads, self.head_size = layer, o.heads, o.kv_heads, o.hidden // o.heads
        self.q_proj = nn.Linear(o.hidden, o.heads * self.head_size, bias=False)
        self.k_proj = nn.Linear(o.hidden, o.kv_heads * self.head_size, bias=False)
        self.v_proj = nn.Linear(o.hidden, o.kv_heads * self.head_size, bias=False)
        self.o_proj = nn.Linear(o.heads * self.head_size, o.hidden, bias=False)

    def forward(self, x, mask, cos, sin, cache):
        batch, seq, _ = x.shape
        q = self.q_proj(x).view(batch, seq, self.heads, self.head_size).transpose(1, 2)
        k = self.k_proj(x).view(batch, seq, self.kv_heads, self.head_size).transpose(1, 2)
        v = self.v_proj(x).view(batch, seq, self.kv_heads, self.head_size).transpose(1, 2)
        q = q * cos + rotate_half(q) * sin
        k = k * cos + rotate_half(k) * sin
        if cache is not None:
            k, v = cache.update(self.layer, k, v)
        k = repeat_kv(k, self.heads // self.kv_heads)
        v = repeat_kv(v, self.heads // self.kv_heads)
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.head_size)
        weights = F.softmax(scores + mask, dim=-1, dtype=torch.float32).to(q.dtype)
        out = torch.matmul(weights, v).transpose(1, 2).contiguous().reshape(batch, seq, -1)
        return self.o_proj(out)


class MLP(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.gate_proj = nn.Linear(o.hidden, o.ff, bias=False)
        self.up_proj = nn.Linear(o.hidden, o.ff, bias=False)
        self.down_proj = nn.Linear(o.ff, o.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, o, layer):
        super().__init__()
        self.self_attn, self.mlp = Attention(o, layer), MLP(o)
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(o.hidden), RMSNorm(o.hidden)

    def forward(self, x, mask, cos, sin, cache):
        x = x + self.self_attn(self.input_layernorm(x), mask, cos, sin, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Cache:
    """Keys and values so far, per layer; grows by concatenation."""

    def __init__(self):
        self.keys, self.values = [], []

    def length(self):
        return self.keys[0].shape[2] if self.keys else 0

    def update(self, layer, k, v):
        if layer == len(self.keys):
            self.keys.append(k)
            self.values.append(v)
        else:
            self.keys[layer] = torch.cat((self.keys[layer], k), dim=2)
            self.values[layer] = torch.cat((self.values[layer], v), dim=2)
        return self.keys[layer], self.values[layer]


class Llama(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.embed_tokens = nn.Embedding(o.vocab, o.hidden)
        self.layers = nn.ModuleList(Block(o, layer) for layer in range(o.layers))
        self.norm = RMSNorm(o.hidden)
        self.rotary = Rotary(o.hidden // o.heads, o.prompt + o.response)
        self.lm_head = nn.Linear(o.hidden, o.vocab, bias=False)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, ids, attention_mask, cache=None, positions=None):
        """ids [batch, seq], attention_mask [batch, past + seq] -> logits [batch, seq, vocab] in float32."""
        past = cache.length() if cache is not None else 0
        x = self.embed_tokens(ids)
        if positions is None:
            positions = torch.arange(past, past + ids.shape[1]).unsqueeze(0)
        cos, sin = (table.to(x.dtype) for table in self.rotary(positions))
        mask = additive_mask(attention_mask, ids.shape[1], past, x.dtype)
        for layer in self.layers:
            x = layer(x, mask, cos, sin, cache)
        return self.lm_head(self.norm(x)).float()


def additive_mask(attention_mask, seq, past, dtype):
    """0 where a query may look, the lowest number elsewhere: [batch, 1, seq, past + seq]."""
    visible = torch.arange(past + seq) <= torch.arange(past, past + seq).unsqueeze(1)
    visible = visible & attention_mask[:, None, None, :].bool()
    return torch.zeros(visible.shape, dtype=dtype).masked_fill(~visible, torch.finfo(dtype).min)


def sequence_logps(logits, labels):
    """Summed log-probabilities of the labelled tokens, [batch]."""
    targets = labels[:, 1:]
    picked = logits[:, :-1].log_softmax(-1).gather(2, targets.clamp(min=0).unsqueeze(2)).squeeze(2)
    return (picked * targets.ne(IGNORED)).sum(-1)


def batch_of_rows(o, rows):
    """Full rows, prompt + response, as a collator pads them: ids, mask, labels, each [rows, prompt + response]."""
    ids = torch.randint(2, o.vocab, (rows, o.prompt + o.response))
    labels = ids.clone()
    labels[:, : o.prompt] = IGNORED
    return ids, torch.ones_like(ids), labels


class Train:
    def __init__(self, o):
        self.o = o
        self.policy, self.reference = Llama(o), Llama(o)
        self.reference.load_state_dict(self.policy.state_dict())
        self.reference.eval()
        self.optimizer = torch.optim.AdamW(self.policy.parameters(), lr=5e-7)
        self.tokens = 3 * o.batch * (o.prompt + o.response)

    def prepare(self):
        parts = [batch_of_rows(self.o, self.o.batch) for _ in range(3)]  # chosen, rejected, reference
        prompt = parts[0][0][:, : self.o.prompt]
        for ids, _, _ in parts[1:]:
            ids[:, : self.o.prompt] = prompt
        self.parts = parts

    def logps(self, model):
        """Chosen and rejected rows in one batch, the reference response's rows in a second, as SELM's trainer does."""
        ids, mask, labels = (torch.cat(pair) for pair in zip(*self.parts[:2]))
        chosen, rejected = sequence_logps(model(ids, mask), labels).chunk(2)
        ids, mask, labels = self.parts[2]
        return chosen, rejected, sequence_logps(model(ids, mask), labels)

    def step(self):
        chosen, rejected, response = self.logps(self.policy)
        with torch.no_grad():
            ref_chosen, ref_rejected, ref_response = self.logps(self.reference)
        margin = (chosen - rejected) - (ref_chosen - ref_rejected)
        loss = (-F.logsigmoid(BETA * margin) + ALPHA * BETA * (response - ref_response)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


@torch.no_grad()
def greedy(model, ids, mask, new_tokens, end, pad=0):
    """Prompts [batch, seq], left-padded, to prompts and answers [batch, seq + new_tokens] or fewer when all have ended."""
    unfinished = torch.ones(ids.shape[0], dtype=torch.long)
    cache = Cache()
    for _ in range(new_tokens):
        positions = (mask.cumsum(-1) - 1).masked_fill(mask == 0, 1)
        past = cache.length()
        logits = model(ids[:, past:], mask, cache, positions[:, past:])
        token = logits[:, -1].argmax(-1)
        token = token * unfinished + pad * (1 - unfinished)
        ids = torch.cat((ids, token[:, None]), dim=-1)
        mask = torch.cat((mask, mask.new_ones(mask.shape[0], 1)), dim=-1)
        if end is not None:
            unfinished = unfinished * (token != end).long()
        if unfinished.max() == 0:
            break
    return ids


class Generate:
    def __init__(self, o):
        self.o = o
        self.model = Llama(o).eval()
        self.tokens = o.batch * o.response

    def prepare(self):
        self.ids = torch.randint(2, self.o.vocab, (self.o.batch, self.o.prompt))

    def step(self):
        # No row reaches an end token, so that every run decodes the same number of tokens; the bookkeeping stays.
        return greedy(self.model, self.ids, torch.ones_like(self.ids), self.o.response, end=-1)


class LogProbs:
    def __init__(self, o):
        self.o = o
        self.model = Llama(o).eval()
        self.tokens = o.batch * (o.prompt + o.response)

    def prepare(self):
        self.rows = batch_of_rows(self.o, self.o.batch)

    @torch.no_grad()
    def step(self):
        ids, mask, labels = self.rows
        return sequence_logps(self.model(ids, mask), labels)


def wait():
    """A GPU computes while the program goes on; times are taken when it is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def measure(work):
    work.prepare()
    wait()
    start, cpu_start = time.perf_counter(), time.process_time()
    work.step()
    wait()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    return {"ms": round(wall * 1e3, 3), "cpu_ms": round(cpu * 1e3, 3), "tokens": work.tokens}


def say(row):
    print(json.dumps(row), flush=True)


def main():
    p = argparse.ArgumentParser(allow_abbrev=False, description="Eager PyTorch timings of the work of `selm bench`, one JSON line per step.")
    p.add_argument("mode", choices=["train", "generate", "logprobs"])
    for name, default in dict(vocab=256, hidden=128, layers=4, heads=4, kv_heads=2, ff=352, prompt=24, response=40,
                              batch=32, steps=10, threads=1, warmup=3).items():
        p.add_argument("--" + name.replace("_", "-"), type=int, default=default)
    p.add_argument("--reuse", type=float, default=0.0, help="ignored: three rows per example are always computed")
    p.add_argument("--device", default="cpu", help="cpu in float32, or cuda or cuda:N in bfloat16 (needs torch >= 2.0)")
    p.add_argument("--serve", action="store_true", help="after warm-up, run one step per line 'go' on stdin until 'quit'")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    if o.device != "cpu":
        torch.set_default_device(o.device)
        torch.set_default_dtype(torch.bfloat16)
    work = {"train": Train, "generate": Generate, "logprobs": LogProbs}[o.mode](o)
    for _ in range(o.warmup):
        measure(work)
    ready = {"ready": o.mode, "torch": torch.__version__, "threads": torch.get_num_threads()}
    if o.mode == "train":
        ready["note"] = "three rows per example, whatever --reuse says"
    say(ready)
    if o.serve:
        for line in sys.stdin:
            if line.strip() == "quit":
                break
            if line.strip() == "go":
                say(measure(work))
    else:
        for _ in range(o.steps):
            say(measure(work))


if __name__ == "__main__":
    main()
