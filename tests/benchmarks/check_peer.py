#!/usr/bin/env python3
"""Checks that peer.py computes a Llama and nothing else: it loads a golden model and compares with Hugging Face's numbers."""
import json
import pathlib
import struct
import types

import numpy
import torch

import peer

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "hf-models" / "llama-gqa-untied"


def safetensors(name):
    data = (GOLDEN / name).read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    for key, entry in json.loads(data[8:start]).items():
        if key != "__metadata__":
            begin, end = (start + offset for offset in entry["data_offsets"])
            array = numpy.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
            yield key.replace("model.", "", 1), torch.from_numpy(array.copy())


def near(name, actual, expected, tolerance=1e-4):
    gap = (actual - expected).abs().max().item()
    assert gap <= tolerance, f"{name}: off by {gap}"
    print(f"{name}: within {gap:.1e}")


def main():
    c = json.loads((GOLDEN / "config.json").read_text())
    sizes = types.SimpleNamespace(
        vocab=c["vocab_size"], hidden=c["hidden_size"], layers=c["num_hidden_layers"], heads=c["num_attention_heads"],
        kv_heads=c["num_key_value_heads"], ff=c["intermediate_size"], prompt=c["max_position_embeddings"], response=0)
    model = peer.Llama(sizes)
    model.load_state_dict(dict(safetensors("model.safetensors")))
    for module in model.modules():
        if isinstance(module, peer.RMSNorm):
            module.eps = c["rms_norm_eps"]
    cases = json.loads((GOLDEN / "expected.json").read_text())
    tensors = dict(safetensors("expected.safetensors"))
    gradients = dict(safetensors("expected_grads.safetensors"))

    ids = torch.tensor(cases["plain"]["input_ids"])
    near("logits", model(ids, torch.ones_like(ids)), tensors["plain.logits"])

    rows = cases["response_logprobs"]
    logps = peer.sequence_logps(model(torch.tensor(rows["input_ids"]), torch.tensor(rows["attention_mask"])), torch.tensor(rows["labels"]))
    near("summed log-probabilities", logps, torch.tensor(rows["sum_logps"]))
    (logps * torch.tensor(rows["grad_weights"])).sum().backward()
    for name, parameter in model.named_parameters():
        near(f"gradient of {name}", parameter.grad, gradients[name])

    greedy = cases["greedy_left_padded_batch"]
    prompts = torch.tensor(greedy["prompt_ids"])
    sequences = peer.greedy(model, prompts, torch.tensor(greedy["attention_mask"]), greedy["max_new_tokens"], end=None)
    assert sequences.tolist() == greedy["sequences"], "greedy sequences differ"
    print("greedy sequences: identical")


if __name__ == "__main__":
    main()
