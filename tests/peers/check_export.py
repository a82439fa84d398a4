"""Python torch takes what ctclip-ckpt exports: strict=True, all 362 names of the published CT-CLIP, the same latents.

    python3 -m venv torch-venv && torch-venv/bin/pip install torch numpy
    torch-venv/bin/python tests/peers/check_export.py build/bin/ctclip-ckpt

Two models of tests/data go through `import` and `export`. The one with all 362 tensors is loaded with strict=True into
modules of the published names and shapes. The other one's latents, computed in torch from the export, are compared with
those that the Python reference gave (tests/data/model/tiny_a_eval_fp64.safetensors).

What this is not: the reference's own class. Names and shapes below are built from the model's sizes and compared with
the published list (tests/data/model/ct_clip_v2_keys.json); the forward pass is train_peer.py's, written from the
published description. Exit code 0: all agree.
"""
import json
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import train_peer

DATA = Path(__file__).resolve().parents[1] / "data"
TOLERANCE = 1e-9  # of latents in float64
FULL = Namespace(**train_peer.FULL, bias_dim=512)
OFFICIAL_SMALL = Namespace(dim=8, codebook=16, image=8, patch=4, temporal_patch=2, spatial_depth=4, temporal_depth=4,
                           dim_head=4, heads=2, latent=8, vocabulary=40, hidden=12, text_depth=12, text_heads=2,
                           intermediate=24, max_length=16, dropout=0.0, bias_dim=8)
TINY_A = Namespace(dim=64, codebook=64, image=40, patch=8, temporal_patch=4, spatial_depth=2, temporal_depth=2,
                   dim_head=32, heads=2, latent=32, vocabulary=200, hidden=64, text_depth=2, text_heads=2,
                   intermediate=128, max_length=64, dropout=0.0, bias_dim=64)
DTYPES = {"F64": torch.float64, "F32": torch.float32, "I64": torch.int64}


def norm(prefix, size):
    return {f"{prefix}.weight": (size,), f"{prefix}.bias": (size,)}


def linear(prefix, inputs, outputs, bias=True):
    return {f"{prefix}.weight": (outputs, inputs)} | ({f"{prefix}.bias": (outputs,)} if bias else {})


def text_shapes(c):
    top = "text_transformer."
    shapes = {top + "embeddings.position_ids": (1, c.max_length)}
    for name, rows in [("word", c.vocabulary), ("position", c.max_length), ("token_type", 2)]:
        shapes[f"{top}embeddings.{name}_embeddings.weight"] = (rows, c.hidden)
    shapes |= norm(top + "embeddings.LayerNorm", c.hidden)
    for i in range(c.text_depth):
        layer = f"{top}encoder.layer.{i}."
        for part in ["self.query", "self.key", "self.value", "output.dense"]:
            shapes |= linear(f"{layer}attention.{part}", c.hidden, c.hidden)
        shapes |= norm(layer + "attention.output.LayerNorm", c.hidden)
        shapes |= linear(layer + "intermediate.dense", c.hidden, c.intermediate)
        shapes |= linear(layer + "output.dense", c.intermediate, c.hidden)
        shapes |= norm(layer + "output.LayerNorm", c.hidden)
    return shapes | linear(top + "pooler.dense", c.hidden, c.hidden)


def transformer_shapes(prefix, c, depth):
    inner, width = int(4 * (2 / 3) * c.dim), c.heads * c.dim_head
    shapes = {}
    for i in range(depth):
        layer = f"{prefix}.layers.{i}."
        shapes |= {layer + "0.dsconv.weight": (c.dim, 1, 3, 3, 3), layer + "0.dsconv.bias": (c.dim,)}
        for part in ["norm", "context_norm"]:
            shapes |= {f"{layer}1.{part}.{name}": (c.dim,) for name in ["gamma", "beta"]}
        shapes |= {layer + "1.null_kv": (c.heads, 0, c.dim_head)}
        shapes |= {f"{layer}1.{name}": (c.dim_head,) for name in ["q_scale", "k_scale"]}
        shapes |= linear(layer + "1.to_q", c.dim, width, bias=False)
        shapes |= linear(layer + "1.to_kv", c.dim, 2 * width, bias=False)
        shapes |= linear(layer + "1.to_out", width, c.dim, bias=False)
        shapes |= norm(layer + "3.0", c.dim)
        shapes |= linear(layer + "3.1", c.dim, 2 * inner, bias=False)
        shapes |= linear(layer + "3.4", inner, c.dim, bias=False)
    return shapes | {f"{prefix}.norm_out.{name}": (c.dim,) for name in ["gamma", "beta"]}


def official_shapes(c):
    """Every tensor of the published model, at these sizes."""
    top = "visual_transformer."
    frame = c.patch * c.patch
    patch = frame * c.temporal_patch
    image = (c.image // c.patch) ** 2 * c.dim
    shapes = {"temperature": ()} | text_shapes(c)
    for suffix in ["", "_extra"]:
        shapes |= linear("to_visual_latent" + suffix, image, c.latent, bias=False)
        shapes |= linear("to_text_latent" + suffix, c.hidden, c.latent, bias=False)
    for name, features in [("to_patch_emb", patch), ("to_patch_emb_first_frame", frame)]:
        shapes |= norm(f"{top}{name}.1", features) | linear(f"{top}{name}.2", features, c.dim)
        shapes |= norm(f"{top}{name}.3", c.dim)
    shapes |= linear(top + "to_pixels.0", c.dim, patch) | linear(top + "to_pixels_first_frame.0", c.dim, frame)
    bias = top + "spatial_rel_pos_bias.net."
    shapes |= linear(bias + "0.0", 2, c.bias_dim) | linear(bias + "1.0", c.bias_dim, c.bias_dim)
    shapes |= linear(bias + "2", c.bias_dim, c.heads)
    shapes |= transformer_shapes(top + "enc_spatial_transformer", c, c.spatial_depth)
    shapes |= transformer_shapes(top + "enc_temporal_transformer", c, c.temporal_depth)
    codebook = top + "vq._codebook."
    return shapes | {codebook + "initted": (1,), codebook + "cluster_size": (1, c.codebook),
                     codebook + "embed": (1, c.codebook, c.dim)}


def official_modules(c):
    """Modules, parameters and buffers under the published names."""
    root = nn.Module()
    for name, shape in official_shapes(c).items():
        *path, leaf = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, nn.Module())
            module = module._modules[part]
        if leaf == "position_ids":
            module.register_buffer(leaf, torch.zeros(shape, dtype=torch.int64))
        elif leaf in ("beta", "initted", "cluster_size", "embed"):
            module.register_buffer(leaf, torch.zeros(shape))
        else:
            module.register_parameter(leaf, nn.Parameter(torch.zeros(shape)))
    return root


# Published name -> train_peer's, by text; whole parts only.
PEER_NAMES = [
    ("visual_transformer.spatial_rel_pos_bias.net.0.0", "visual.spatial_rel_pos_bias.net.0"),
    ("visual_transformer.spatial_rel_pos_bias.net.1.0", "visual.spatial_rel_pos_bias.net.2"),
    ("visual_transformer.spatial_rel_pos_bias.net.2", "visual.spatial_rel_pos_bias.net.4"),
    ("visual_transformer.to_patch_emb.1", "visual.to_patch_emb.0"),
    ("visual_transformer.to_patch_emb.2", "visual.to_patch_emb.1"),
    ("visual_transformer.to_patch_emb.3", "visual.to_patch_emb.2"),
    ("visual_transformer.enc_spatial_transformer", "visual.spatial"),
    ("visual_transformer.enc_temporal_transformer", "visual.temporal"),
    ("visual_transformer.vq._codebook", "visual.codebook"),
    (".3.0.", ".2.norm."), (".3.1.", ".2.to_hidden."), (".3.4.", ".2.to_out."),
    ("text_transformer.embeddings.LayerNorm", "text.norm"), ("text_transformer.embeddings.", "text."),
    ("_embeddings.", "."), ("text_transformer.encoder.layer", "text.layers"),
    ("attention.self.", ""), ("attention.output.dense", "output"), ("attention.output.LayerNorm", "attention_norm"),
    ("intermediate.dense", "intermediate"), (".output.dense", ".out"), (".output.LayerNorm", ".output_norm"),
    ("text_transformer.pooler.dense", "text.pooler"),
]


def peer_model(state, c):
    model = train_peer.ClipModel(c)
    model.visual.spatial_rel_pos_bias = train_peer.PositionBias(c.heads, c.bias_dim)
    renamed = {}
    for name, tensor in state.items():
        for published, ours in PEER_NAMES:
            name = name.replace(published, ours)
        renamed[name] = tensor[0] if name.startswith("visual.codebook") else tensor
    wanted = model.state_dict()
    missing = sorted(set(wanted) - set(renamed))
    assert not missing, f"train_peer.py wants what the export lacks: {missing}"
    model.load_state_dict({name: renamed[name] for name in wanted}, strict=True)
    return model.double().eval()


def read_safetensors(path):
    content = Path(path).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        data = bytearray(content[begin:end])
        flat = torch.frombuffer(data, dtype=DTYPES[entry["dtype"]]) if data else torch.zeros(0)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def config_yaml(c):
    image = (f"dim: {c.dim}, codebook_size: {c.codebook}, image_size: {c.image}, patch_size: {c.patch}, "
             f"temporal_patch_size: {c.temporal_patch}, spatial_depth: {c.spatial_depth}, "
             f"temporal_depth: {c.temporal_depth}, dim_head: {c.dim_head}, heads: {c.heads}")
    text = (f"max_length: {c.max_length}, hidden_size: {c.hidden}, num_layers: {c.text_depth}, "
            f"num_heads: {c.text_heads}, intermediate_size: {c.intermediate}, max_positions: {c.max_length}")
    return (f"model:\n  image_encoder: {{{image}}}\n  text_encoder: {{{text}}}\n  clip: {{dim_latent: {c.latent}}}\n"
            "training: {learning_rate: 1.0e-4}\n")


def through_ctclip(program, source, c):
    """The tensors of `source` after import and export."""
    with tempfile.TemporaryDirectory() as folder:
        config, checkpoint, out = (str(Path(folder) / name) for name in ("c.yaml", "step-00000000.h5", "x.safetensors"))
        Path(config).write_text(config_yaml(c))
        subprocess.run([program, "import", str(source), "--config", config, "--output", checkpoint], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([program, "export", checkpoint, "--output", out], check=True, stdout=subprocess.DEVNULL)
        return read_safetensors(out)


def check_names():
    published = json.loads((DATA / "model/ct_clip_v2_keys.json").read_text())["keys"]
    assert {entry["key"]: tuple(entry["shape"]) for entry in published} == official_shapes(FULL), \
        "names or shapes of the modules are not the published ones"


def check_strict_load(program):
    state = through_ctclip(program, DATA / "checkpoint/weights/valid/official/CTClip.100000.pt", OFFICIAL_SMALL)
    official_modules(OFFICIAL_SMALL).load_state_dict(state, strict=True)
    return len(state)


def check_latents(program):
    state = through_ctclip(program, DATA / "model/tiny_a_weights.safetensors", TINY_A)
    official_modules(TINY_A).load_state_dict(state, strict=True)
    inputs = read_safetensors(DATA / "model/tiny_a_inputs.safetensors")
    golden = read_safetensors(DATA / "model/tiny_a_eval_fp64.safetensors")
    model = peer_model(state, TINY_A)
    with torch.no_grad():
        image = model.to_visual_latent(model.visual(inputs["volume"].double()).mean(dim=1).flatten(1))
        text = model.to_text_latent(model.text(inputs["input_ids"], inputs["attention_mask"]))
    differences = {"image_latents": F.normalize(image, dim=-1), "text_latents": F.normalize(text, dim=-1)}
    differences = {name: (latents - golden[name]).abs().max().item() for name, latents in differences.items()}
    assert max(differences.values()) <= TOLERANCE, f"latents differ: {differences}"
    return differences


def main():
    program = sys.argv[1]
    check_names()
    print(json.dumps({"torch": torch.__version__, "tensors_loaded_strictly": check_strict_load(program),
                      "largest_latent_difference": check_latents(program)}))


main()
