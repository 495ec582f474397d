"""Checkpoints of three kinds come in, ours go out, and nothing in a file is ever run."""

from __future__ import annotations

import argparse
import ast
import json
import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ofa
from ofa import weights
from ofa.config import SIZES
from ofa.model import OFA
from ofa.state import read_state
from schemas.errors import BuildError
from tests.ofa.tiny_model import tiny_batch, tiny_config, tiny_model

ROOM = Path(ofa.__file__).parent


@pytest.fixture
def fixture(vectors: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(vectors / "ofa_parity_tiny.pt", weights_only=True)
    return loaded


def logits(model: OFA) -> Tensor:
    with torch.no_grad():
        result: Tensor = model.eval()(**tiny_batch())
    return result


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    model = tiny_model(dropout=0.3)
    path = tmp_path / "runs" / "mine"
    weights.save(model, path)
    assert sorted(file.name for file in path.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((path / "config.json").read_text()) == model.config.to_json()
    again = weights.load(path)
    assert weights.load(path / "model.safetensors").config == again.config
    assert again.config == model.config
    assert torch.equal(logits(again), logits(model))
    assert again.decoder.output_projection.weight is again.encoder.embed_tokens.weight
    assert weights.load(path, dropout=0.0, batch_norm="frozen").encoder.embed_images.frozen
    torch.autograd.backward(again.train().loss(targets=tiny_batch()["target_inputs"], **tiny_batch()).loss)


def test_saving_over_an_older_file_leaves_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    weights.save(tiny_model(), tmp_path)
    before = path.read_bytes()
    weights.save(tiny_model(), tmp_path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_other_weights_of_the_same_sizes_lie_beside(tmp_path: Path) -> None:
    one, other = tiny_model(code_image_size=32), tiny_model(code_image_size=32)
    with torch.no_grad():
        other.encoder.embed_tokens.weight.add_(1)
    weights.save(one, tmp_path)
    weights.save(other, tmp_path, "averaged.safetensors")
    assert torch.equal(logits(weights.load(tmp_path)), logits(one))
    averaged = weights.load(tmp_path / "averaged.safetensors")
    assert averaged.config == other.config
    assert torch.equal(logits(averaged), logits(other))


def test_the_configuration_of_the_hugging_face_port_is_not_ours(tmp_path: Path) -> None:
    model = tiny_model()
    weights.save(model, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "ofa", "d_model": 16}))
    assert weights.load(tmp_path).config.d_model == 16


def test_sizes_are_read_off_the_shapes() -> None:
    for name, config in SIZES.items():
        with torch.device("meta"):
            state = OFA(config).state_dict()
        assert weights.config_of(state) == config, name
    with pytest.raises(BuildError, match="not the weights"):
        weights.config_of({"encoder.embed_tokens.weight": torch.zeros(3, 2)})


def test_fairseq_checkpoint_loads_through_the_key_map(fixture: dict[str, Any], tmp_path: Path) -> None:
    names = fixture["fairseq_key_of"]
    state = {names[name]: tensor for name, tensor in fixture["state_dict"].items()}
    state |= {
        "encoder.version": torch.tensor([3.0]),
        "decoder.version": torch.tensor([3.0]),
        "decoder.image_position_idx": torch.zeros(1026, dtype=torch.int64),
        "decoder.embed_tokens.weight": state["encoder.embed_tokens.weight"],
        "decoder.output_projection.weight": state["encoder.embed_tokens.weight"],
    }
    held = {"model": state, "args": argparse.Namespace(arch="ofa_tiny"), "extra_state": {"epoch": 3}}
    torch.save(held, tmp_path / "checkpoint.pt")
    model = weights.load(tmp_path / "checkpoint.pt")
    assert (model.config.d_model, model.config.resnet_layers) == (32, (2, 1, 1))
    loaded = model.state_dict()
    for name, tensor in fixture["state_dict"].items():
        if name != "decoder.image_position_idx":
            assert torch.equal(loaded[name], tensor.float() if tensor.is_floating_point() else tensor)
    assert loaded["decoder.image_position_idx"].shape == (1025,)


def test_every_renamed_key(fixture: dict[str, Any]) -> None:
    for ours, theirs in fixture["fairseq_key_of"].items():
        assert weights.hugging_face_name(theirs) == ours
        assert weights.hugging_face_name(ours) == ours


def test_hugging_face_file_is_flat(tmp_path: Path) -> None:
    model = tiny_model()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    # The side of a picture in codes leaves no trace in the shapes that count.
    assert torch.equal(
        logits(weights.load(tmp_path / "pytorch_model.bin", code_image_size=32)), logits(model)
    )


def test_frozen_batch_norms_have_no_counter() -> None:
    model = tiny_model()
    state = {name: value for name, value in model.state_dict().items() if not name.endswith("tracked")}
    assert torch.equal(logits(weights.model_of(state, model.config)), logits(model))


def test_missing_rows_of_embeddings_are_drawn() -> None:
    model = tiny_model()
    state = model.state_dict()
    state["encoder.embed_tokens.weight"] = state["encoder.embed_tokens.weight"][:-100]
    one, two = (weights.model_of(state, model.config).encoder.embed_tokens.weight.detach() for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(one[:-100], model.encoder.embed_tokens.weight[:-100])
    assert float(one[-100:].std()) == pytest.approx(16**-0.5, rel=0.1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("encoder.layers.1.fc1.bias"), "1 missing .encoder.layers.1.fc1.bias"),
        (lambda state: state.update({"encoder.extra": torch.zeros(1)}), "1 unknown .encoder.extra"),
        (lambda state: state.update({"encoder.layers.0.fc1.bias": torch.zeros(3)}), "instead of"),
        (lambda state: state.update({"encoder.embed_tokens.weight": torch.zeros(99_999, 16)}), "instead of"),
    ],
)
def test_other_tensors_are_refused(change: Callable[[dict[str, Tensor]], object], words: str) -> None:
    state = dict(tiny_model().state_dict())
    change(state)
    with pytest.raises(BuildError, match=words):
        weights.model_of(state, tiny_config())


class Runs:
    """An object that would leave a trace if it were unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def hostile(trace: Path) -> list[object]:
    return [
        Runs(os.system, f"touch {trace}"),
        Runs(os.mkdir, str(trace)),
        Runs(os.symlink, "/", str(trace)),
        Runs(open, str(trace), "w"),
        Runs(exec, f"open({str(trace)!r}, 'w')"),
        Runs(eval, f"open({str(trace)!r}, 'w')"),
        Runs(__import__, "antigravity"),
        Runs(os.popen, f"touch {trace}"),
        Runs(map, print, ["x"]),
        Runs(subprocess.Popen, ["touch", str(trace)]),
    ]


@pytest.mark.parametrize("index", range(10))
@pytest.mark.parametrize("zipped", [True, False])
def test_hostile_checkpoints_are_refused(index: int, zipped: bool, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = tmp_path / "hostile.pt"
    held = {"model": {"encoder.embed_tokens.weight": torch.zeros(2)}, "extra_state": hostile(trace)[index]}
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BuildError, match="cannot be read safely"):
        read_state(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"PK\x03\x04" + bytes(40),
        pickle.dumps(Runs(os.getpid)),
        pickle.dumps({"a": 1}),
        b"\x80\x05N.",
    ],
)
@pytest.mark.parametrize("name", ["model.pt", "model.bin", "model.safetensors"])
def test_what_is_no_checkpoint_is_refused(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BuildError, match="cannot be read safely"):
        weights.load(tmp_path / name)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    model = tiny_model()
    weights.save(model, tmp_path)
    torch.save(model.state_dict(), tmp_path / "ours.pt")
    for path in (tmp_path / "model.safetensors", tmp_path / "ours.pt"):
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(BuildError, match="cannot be read safely"):
            weights.load(path)
    with pytest.raises(BuildError, match="no such checkpoint"):
        weights.load(tmp_path / "nowhere.pt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BuildError, match="no such checkpoint"):
        weights.load(tmp_path / "empty")


def test_configuration_of_another_model_is_refused(tmp_path: Path) -> None:
    weights.save(tiny_model(), tmp_path)
    other = tiny_config(encoder_layers=10**9).to_json()
    (tmp_path / "config.json").write_text(json.dumps(other))
    with pytest.raises(BuildError, match="encoder_layers = 1000000000"):
        weights.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"d_model": 3}), "3", '{"config": 3}'])
def test_damaged_configuration_is_refused(text: str, tmp_path: Path) -> None:
    weights.save(tiny_model(), tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(BuildError, match="configuration"):
        weights.load(tmp_path)


def test_no_door_is_left_open() -> None:
    """`torch.load` only with `weights_only=True`, and no pickle, anywhere in the room."""
    for path in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("torch.load"):
                assert any(
                    word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords
                ), path
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "dill", "cloudpickle", "joblib"} & set(names), path
