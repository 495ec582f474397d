"""The page of a training: hostile names stay text, curves lie inside their frames, and it runs no script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.training import METRICS, TRAINED, Trained, TrainedStage, Training, Update, Validated
from tests.ofa.training_runs import recipe
from transforms import training_report
from transforms.training_store import Run

HOSTILE = "<script>alert(1)</script>"


def run_of(folder: Path, updates: int) -> Run:
    training = Training(
        name="a-run",
        build="0" * 16,
        mixture=HOSTILE,
        collection="here",
        recipe=recipe(summary=HOSTILE),
        start=HOSTILE,
        stages=(TrainedStage(name=HOSTILE, tasks={HOSTILE: 1000}, updates=1000),),
    )
    lines: list[Update | Validated] = [
        Update(
            update=number,
            stage=HOSTILE,
            epoch=1,
            loss=9.0 / number,
            nll=9.0 / number,
            rows=10,
            ids=700,
            learning_rate=1e-5,
            gradient=None if number == 3 else 2.0,
            seconds=0.5,
            waited=0.1,
        )
        for number in range(1, updates + 1)
    ]
    if updates:
        lines.append(Validated(update=updates, stage=HOSTILE, epoch=1, nll=3.25, rows=64))
    text = "".join(f"{line.model_dump_json()}\n" for line in lines)
    (folder / METRICS).write_text(text + '{"kind": "upd')
    return Run(folder, training)


@pytest.mark.parametrize("updates", [0, 1, 700])
def test_the_page_of_a_run(tmp_path: Path, updates: int) -> None:
    run = run_of(tmp_path, updates)
    page = training_report.write(run).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "not ended" in page
    assert f"{updates} of 1,000 updates" in page
    paths = re.findall(r' d="M([^"]+)"', page)
    assert len(paths) == (5 if updates else 0)
    for path in paths:
        points = [tuple(map(float, point.split(","))) for point in path.split(" L")]
        assert len(points) <= training_report._POINTS
        assert all(0 <= x <= training_report.WIDTH + 1 for x, _ in points)
        assert all(0 <= y <= training_report.HEIGHT for _, y in points)
    if updates:
        assert "20.0 rows/s, 1,400 ids/s" in page
        assert "20.0% of the time was spent waiting for data" in page
        assert "3.2500" in page


def test_a_run_that_has_ended_says_on_what(tmp_path: Path) -> None:
    run = run_of(tmp_path, 2)
    ended = Trained(updates=2, files={}, peak_memory=3_000_000, processes=2, device="cpu")
    (tmp_path / TRAINED).write_text(ended.model_dump_json())
    page = training_report.write(run).read_text()
    assert "ended, on 2" in page
    assert "3 MB at most" in page
