"""Training: it learns, stops and goes on at any moment, and does the same in one process and in two."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ofa import checkpoint, weights
from ofa.train import Means, train
from schemas.errors import BuildError, ExitCode
from schemas.training import AVERAGED, ENDED, METRICS, STOP, TRAINED
from tests.ofa.training_runs import begin, command, finish, lines, recipe, start, trained

UPDATES = 20
"""98 rows, 10 an update, two epochs."""

WORDS = ["telling", "choosing"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    """Sums of several threads come out in one order or another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody has interrupted."""
    run = begin(tmp_path_factory.mktemp("undisturbed") / "run", folder, recipe(average=0.9))
    trained(run, folder)
    return run


def updates(run: Path) -> list[dict[str, Any]]:
    return [line for line in lines(run) if line["kind"] == "update"]


def losses(run: Path) -> list[float]:
    return [line["loss"] for line in updates(run)]


def weights_in(run: Path, name: str = weights.WEIGHTS) -> dict[str, torch.Tensor]:
    return load_file(run / name)


def test_every_update_is_told_and_the_weights_are_left(undisturbed: Path) -> None:
    told = updates(undisturbed)
    assert [line["update"] for line in told] == list(range(1, UPDATES + 1))
    assert [line["epoch"] for line in told] == [1] * 10 + [2] * 10
    assert sum(line["rows"] for line in told) == 2 * 98
    ended = json.loads((undisturbed / TRAINED).read_text())
    assert ended["updates"] == UPDATES
    assert set(ended["files"]) == {weights.WEIGHTS, AVERAGED}
    assert checkpoint.newest(undisturbed) is None
    assert weights.load(undisturbed).config.d_model == 16


def test_it_learns(folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe(epochs=40, learning_rate=1e-2, smoothing=0.0), [["choosing"]])
    trained(run, folder, rows_at_once=16)
    nll = [line["nll"] for line in updates(run)]
    assert sum(nll[-3:]) < 0.2 * sum(nll[:3])


def test_a_run_that_has_ended_is_not_trained_again(undisturbed: Path, folder: Path) -> None:
    before = (undisturbed / METRICS).read_bytes()
    assert trained(undisturbed, folder).updates == UPDATES
    assert (undisturbed / METRICS).read_bytes() == before


def test_after_a_kill_the_losses_are_the_same(undisturbed: Path, folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe(average=0.9))
    for least in (2, 8, 14):
        process = start(command(run, folder))
        while process.poll() is None and len(_told(run)) < least:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        finish(process)
    assert finish(start(command(run, folder))) == 0
    assert lines(run) == lines(undisturbed)
    for name in (weights.WEIGHTS, AVERAGED):
        held, expected = weights_in(run, name), weights_in(undisturbed, name)
        assert all(held[key].equal(expected[key]) for key in expected)


def _told(run: Path) -> list[str]:
    path = run / METRICS
    return path.read_text().splitlines() if path.is_file() else []


@pytest.mark.parametrize("how", ["signal", "file"])
def test_who_asks_it_to_stop_finds_a_checkpoint(
    undisturbed: Path, folder: Path, tmp_path: Path, how: str
) -> None:
    run = begin(tmp_path, folder, recipe(average=0.9, save_every=100))
    process = start(command(run, folder))
    while process.poll() is None and len(_told(run)) < 4:
        time.sleep(0.02)
    if how == "signal":
        process.send_signal(signal.SIGINT)
    else:
        (run / STOP).touch()
    assert finish(process) == ExitCode.INTERRUPTED
    assert "interrupted" in json.loads((run / ENDED).read_text())["why"]
    stopped = len(_told(run))
    assert 4 <= stopped < UPDATES
    newest = checkpoint.newest(run)
    assert newest is not None
    assert int(newest.stem) == stopped
    (run / STOP).unlink(missing_ok=True)
    trained(run, folder)
    assert lines(run) == lines(undisturbed)


def test_two_processes_do_what_one_does(undisturbed: Path, folder: Path, tmp_path: Path) -> None:
    """Rows without pictures, and rows with image codes, leave parameters without gradients in one or both."""
    run = begin(tmp_path, folder, recipe(average=0.9))
    assert finish(start(command(run, folder, processes=2))) == 0
    assert losses(run) == pytest.approx(losses(undisturbed), rel=1e-4)
    assert [line["ids"] for line in updates(run)] == [line["ids"] for line in updates(undisturbed)]
    held, expected = weights_in(run), weights_in(undisturbed)
    for name, tensor in expected.items():
        assert torch.allclose(held[name], tensor, atol=2e-3), name
    assert json.loads((run / TRAINED).read_text())["processes"] == 2


def test_a_run_goes_on_with_others(undisturbed: Path, folder: Path, tmp_path: Path) -> None:
    """Begun by two processes, ended by one whose batches two workers prepare."""
    run = begin(tmp_path, folder, recipe(average=0.9))
    process = start(command(run, folder, processes=2))
    while process.poll() is None and len(_told(run)) < 7:
        time.sleep(0.02)
    (run / STOP).touch()
    assert finish(process) != 0
    assert len(_told(run)) < UPDATES
    (run / STOP).unlink()
    train(run, folder, None, Means("cpu", rows_at_once=7, workers=2, threads=1))
    assert losses(run) == pytest.approx(losses(undisturbed), rel=1e-4)


def test_parts_of_an_update_add_up(undisturbed: Path, folder: Path, tmp_path: Path) -> None:
    for rows_at_once in (1, 64):
        run = begin(tmp_path / str(rows_at_once), folder, recipe(average=0.9))
        trained(run, folder, rows_at_once)
        assert losses(run) == pytest.approx(losses(undisturbed), rel=1e-4)


def test_stages_follow_one_another(folder: Path, tmp_path: Path) -> None:
    stages = [["choosing"], ["telling"]]
    run = begin(tmp_path / "whole", folder, recipe(), stages)
    trained(run, folder)
    told = updates(run)
    assert [line["stage"] for line in told] == ["stage 0"] * 6 + ["stage 1"] * 12
    assert [line["epoch"] for line in told] == [*[1] * 3, *[2] * 3, *[1] * 6, *[2] * 6]
    # Each stage has a warm-up of its own.
    assert told[6]["learning_rate"] > told[5]["learning_rate"]
    stopped = begin(tmp_path / "stopped", folder, recipe(), stages)
    process = start(command(stopped, folder))
    while process.poll() is None and len(_told(stopped)) < 8:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    finish(process)
    trained(stopped, folder)
    assert lines(stopped) == lines(run)


def test_a_blind_stage_sees_black_pictures(folder: Path, tmp_path: Path) -> None:
    stages = [["choosing"], ["telling"]]
    runs = {
        blind: begin(tmp_path / f"blind {blind}", folder, recipe(), stages, blind)
        for blind in ((), (0,), (0, 1))
    }
    for run in runs.values():
        trained(run, folder)
    seeing, reading, never = (losses(run) for run in runs.values())
    assert seeing[:6] != reading[:6]
    assert reading[:6] == never[:6]
    assert reading[6:] != never[6:]


def test_a_loss_that_is_no_number_ends_the_run(folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe(learning_rate=1e25, warmup=0.5, clip_norm=0, save_every=1))
    with pytest.raises(BuildError, match="no number any more") as caught:
        trained(run, folder)
    message = str(caught.value)
    assert "update" in message and "telling/" in message + "telling/"
    assert "lower learning rate" in message
    newest = checkpoint.newest(run)
    assert newest is not None
    held = checkpoint.read(newest)
    assert all(bool(one.isfinite().all()) for one in held["model"].values() if one.is_floating_point())
    assert int(newest.stem) == len(updates(run))


def test_a_full_disk_leaves_the_checkpoint_before(
    undisturbed: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(tmp_path, folder, recipe(average=0.9))
    whole = torch.save

    def full(held: Any, file: Any) -> None:
        if held["update"] == 9:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(held, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(BuildError, match="goes on after update 6") as caught:
        trained(run, folder)
    assert caught.value.exit_code == ExitCode.DISK_FULL
    assert sorted(path.name for path in (run / checkpoint.FOLDER).iterdir()) == ["00000003.pt", "00000006.pt"]
    monkeypatch.undo()
    trained(run, folder)
    assert lines(run) == lines(undisturbed)


def test_a_damaged_checkpoint_is_named(folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe())
    (run / checkpoint.FOLDER).mkdir()
    (run / checkpoint.FOLDER / "00000003.pt").write_bytes(b"PK\3\4 nothing")
    with pytest.raises(BuildError, match="a checkpoint cannot be read") as caught:
        trained(run, folder)
    assert "00000003.pt" in str(caught.value)


def test_a_process_that_was_killed_at_its_first_checkpoint_left_nothing_to_read(
    undisturbed: Path, folder: Path, tmp_path: Path
) -> None:
    run = begin(tmp_path, folder, recipe(average=0.9))
    (run / checkpoint.FOLDER).mkdir()
    (run / checkpoint.FOLDER / ".00000003.pt").write_bytes(b"PK\3\4 half of it")
    trained(run, folder)
    assert lines(run) == lines(undisturbed)


def test_a_checkpoint_of_another_training_is_refused(folder: Path, tmp_path: Path) -> None:
    """Its updates would count as this run's: one that is as long would end at once, with nothing learnt."""
    other = begin(tmp_path / "other", folder, recipe(epochs=50))
    process = start(command(other, folder))
    while checkpoint.newest(other) is None:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    run = begin(tmp_path / "run", folder, recipe())
    shutil.copytree(other / checkpoint.FOLDER, run / checkpoint.FOLDER)
    with pytest.raises(BuildError, match="a checkpoint is of another training") as caught:
        trained(run, folder)
    assert str(run / checkpoint.FOLDER) in str(caught.value)
    assert not (run / TRAINED).exists()


def test_a_run_is_trained_once_at_a_time(folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe(epochs=50))
    process = start(command(run, folder))
    try:
        while process.poll() is None and not _told(run):
            time.sleep(0.02)
        with pytest.raises(BuildError, match="another process trains this run"):
            trained(run, folder)
    finally:
        process.kill()
        finish(process)


def test_what_is_frozen_stays(folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe(freeze_embeddings=True, epochs=1), [WORDS])
    start_weights = begin(
        tmp_path / "drawn", folder, recipe(epochs=1, learning_rate=1e-30, warmup=0), [WORDS]
    )
    trained(run, folder)
    trained(start_weights, folder)
    held, drawn = weights_in(run), weights_in(start_weights)
    moved = {name for name in held if not torch.allclose(held[name], drawn[name], atol=1e-6)}
    assert "encoder.embed_tokens.weight" not in moved
    assert not {name for name in moved if "code_layernorm" in name or "decoder.image" in name}
    assert "encoder.layers.0.fc1.weight" in moved
    assert "encoder.embed_images.conv1.weight" in moved


def test_a_run_of_other_shards_is_refused(folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe())
    path = run / "training.json"
    training = json.loads(path.read_text())
    training["stages"][0]["tasks"]["telling"] += 1
    path.write_text(json.dumps(training))
    with pytest.raises(BuildError, match="other rows than the run"):
        trained(run, folder)


def test_fp16_needs_a_gpu(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="fp16 needs a GPU"):
        trained(begin(tmp_path, folder, recipe(precision="fp16")), folder)


def test_bf16_learns_nearly_the_same(undisturbed: Path, folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe(average=0.9, precision="bf16"))
    trained(run, folder)
    assert losses(run) == pytest.approx(losses(undisturbed), rel=0.02)
    assert losses(run) != losses(undisturbed)


def test_there_is_no_such_device(folder: Path, tmp_path: Path) -> None:
    run = begin(tmp_path, folder, recipe())
    with pytest.raises(BuildError, match="no such device"):
        train(run, folder, None, Means("cuda:77"))
