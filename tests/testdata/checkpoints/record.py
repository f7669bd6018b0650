#!/usr/bin/python3
"""Records a small checkpoint of each kind into the directory that it is given, as the libraries leave them on disk:

  hf/checkpoint-20/                   Trainer: model.safetensors, optimizer.pt, scheduler.pt, rng_state.pth, training_args.bin,
                                      config.json, trainer_state.json
  hf_sharded/checkpoint-20/           the same with two safetensors files and their index
  hf_deepspeed/checkpoint-20/         Trainer over DeepSpeed: global_step20/ and latest inside
  lightning/epoch=1-step=20.ckpt      one torch.save file
  lightning_fsdp/epoch=1-step=20.ckpt/  sharded: .metadata, __0_0.distcp, __1_0.distcp, meta.pt
  dcp/step-20/                        torch.distributed.checkpoint of two ranks
  megatron/                           latest_checkpointed_iteration.txt, iter_0000020/mp_rank_0T_00P/model_optim_rng.pt
  megatron_dist/                      latest_checkpointed_iteration.txt, iter_0000020/{.metadata,__0_0.distcp,common.pt,metadata.json}
  deepspeed/                          latest, global_step20/: ZeRO 2 of two ranks
  set/step-20/                        safetensors files with their index, as save_pretrained leaves them

All *.pt, *.pth, *.bin and *.ckpt files are written by torch.save (Debian's python3-torch); what their pickles hold is what the
trainers put there, as far as a reader of names and sizes can tell. safetensors files are written by their format. Debian's torch
1.13 cannot import torch.distributed.checkpoint under Python 3.11, so shards and .metadata are made as its FileSystemWriter makes
them (torch 2.x): shards are torch.save files one after the other, .metadata a pickle of protocol 2 and up with one _StorageInfo
(relative_path, offset, length) for each.
"""

import dataclasses
import io
import json
import pathlib
import pickle
import struct
import sys
import types

import torch

torch.manual_seed(1)


def save(path, what):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(what, path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def tensors(*shape):
    return {"weight": torch.randn(*shape), "bias": torch.randn(shape[0])}


def safetensors(path, named):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in named.items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return len(data)


def safetensors_set(directory):
    a, b = {"layer.0.weight": torch.randn(8, 4)}, {"layer.1.weight": torch.randn(4, 8), "layer.1.bias": torch.randn(4)}
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    total = safetensors(directory / names[0], a) + safetensors(directory / names[1], b)
    where = {name: names[0] for name in a} | {name: names[1] for name in b}
    write(directory / "model.safetensors.index.json", json.dumps({"metadata": {"total_size": total}, "weight_map": where}, indent=2))
    write(directory / "config.json", json.dumps({"architectures": ["Tiny"], "hidden_size": 8}))


def trainers_own(directory, weights=True):
    if weights:
        safetensors(directory / "model.safetensors", tensors(8, 4))
    write(directory / "config.json", json.dumps({"architectures": ["Tiny"], "hidden_size": 8}))
    save(directory / "training_args.bin", {"learning_rate": 5e-05, "max_steps": 40})
    save(directory / "scheduler.pt", {"last_epoch": 20, "_last_lr": [4e-05]})
    save(directory / "rng_state.pth", {"cpu": torch.get_rng_state()[:64].clone()})
    write(directory / "trainer_state.json", json.dumps({"global_step": 20, "max_steps": 40, "log_history": [{"loss": 2.5, "step": 20}]}, indent=2))


# ---- torch.distributed.checkpoint ----

filesystem = types.ModuleType("torch.distributed.checkpoint.filesystem")
metadata = types.ModuleType("torch.distributed.checkpoint.metadata")
sys.modules[filesystem.__name__], sys.modules[metadata.__name__] = filesystem, metadata


def declare(module, name, **fields):
    made = dataclasses.make_dataclass(name, fields.items(), frozen=name == "MetadataIndex")
    made.__module__ = module.__name__
    setattr(module, name, made)
    return made


StorageInfo = declare(filesystem, "_StorageInfo", relative_path=str, offset=int, length=int)
MetadataIndex = declare(metadata, "MetadataIndex", fqn=str, offset=object, index=object)
Metadata = declare(metadata, "Metadata", state_dict_metadata=dict, planner_data=object, storage_data=dict)


def distributed(directory, ranks=2):
    directory.mkdir(parents=True)
    storage = {}
    for rank in range(ranks):
        name, blob = f"__{rank}_0.distcp", b""
        for item in range(2):
            one = io.BytesIO()
            torch.save(torch.randn(6, 4), one)
            storage[MetadataIndex(f"model.layer{item}.weight", torch.Size([6 * rank, 0]), rank)] = StorageInfo(name, len(blob), len(one.getvalue()))
            blob += one.getvalue()
        (directory / name).write_bytes(blob)
    named = {f"model.layer{item}.weight": {"size": [6 * ranks, 4]} for item in range(2)}
    (directory / ".metadata").write_bytes(pickle.dumps(Metadata(named, None, storage)))


# ---- DeepSpeed and Megatron ----


def deepspeed(directory, ranks=2, step=20):
    tag = directory / f"global_step{step}"
    common = {"dp_world_size": ranks, "mp_world_size": 1, "ds_config": {"zero_optimization": {"stage": 2}}, "ds_version": "0.14.0"}
    save(tag / "mp_rank_00_model_states.pt", {"module": tensors(8, 4), "global_steps": step, "skipped_steps": 0, **common})
    for rank in range(ranks):
        partition = {"base_optimizer_state": tensors(4, 4), "partition_count": ranks, "zero_stage": 2}
        save(tag / f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt", {"optimizer_state_dict": partition, "ds_version": "0.14.0"})
    write(directory / "latest", tag.name)


def megatron(directory):
    for tp in range(2):
        for pp in range(2):
            save(directory / f"iter_0000020/mp_rank_0{tp}_00{pp}/model_optim_rng.pt", {"iteration": 20, "model": tensors(4, 4), "checkpoint_version": 3.0})
    write(directory / "latest_checkpointed_iteration.txt", "20")


def main():
    into = pathlib.Path(sys.argv[1])
    trainers_own(into / "hf/checkpoint-20")
    save(into / "hf/checkpoint-20/optimizer.pt", {"state": tensors(8, 4), "param_groups": []})
    trainers_own(into / "hf_sharded/checkpoint-20", weights=False)
    safetensors_set(into / "hf_sharded/checkpoint-20")
    save(into / "hf_sharded/checkpoint-20/optimizer.pt", {"state": tensors(8, 4), "param_groups": []})
    trainers_own(into / "hf_deepspeed/checkpoint-20")
    deepspeed(into / "hf_deepspeed/checkpoint-20")
    light = {"epoch": 1, "global_step": 20, "pytorch-lightning_version": "2.2.0", "loops": {}, "callbacks": {}}
    save(into / "lightning/epoch=1-step=20.ckpt", {**light, "state_dict": tensors(8, 4), "optimizer_states": []})
    distributed(into / "lightning_fsdp/epoch=1-step=20.ckpt")
    save(into / "lightning_fsdp/epoch=1-step=20.ckpt/meta.pt", light)
    distributed(into / "dcp/step-20")
    megatron(into / "megatron")
    distributed(into / "megatron_dist/iter_0000020", ranks=1)
    save(into / "megatron_dist/iter_0000020/common.pt", {"iteration": 20, "checkpoint_version": 3.0})
    write(into / "megatron_dist/iter_0000020/metadata.json", json.dumps({"sharded_backend": "torch_dist", "sharded_backend_version": 1}))
    write(into / "megatron_dist/latest_checkpointed_iteration.txt", "20")
    deepspeed(into / "deepspeed")
    safetensors_set(into / "set/step-20")


main()
