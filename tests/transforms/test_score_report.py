"""The page of an evaluation: numbers as stored, failures with their pictures, nothing that runs."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from schemas.evaluation import Answer
from schemas.instance import Split
from tests.transforms.test_score import Stub, asked_of, exercises_run, made_run
from tests.transforms.test_show import read_page
from transforms import score, score_ask, score_report, score_shown, score_store
from transforms.builder import Builder
from transforms.lake import whole

HARMFUL = "visual_text_extraction"


@pytest.fixture(scope="module")
def lake(sample_build: Builder) -> Path:
    return sample_build.settings.lake


@pytest.fixture(scope="module")
def wrong(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> score_store.Run:
    """Whoever answers every question with the first option, and all else with nothing."""
    return asked_of(lake, tmp_path_factory.mktemp("runs"), "first", (), None)


def test_a_page_tells_what_the_scores_say(lake: Path, wrong: score_store.Run) -> None:
    found = score_report.finish(lake, wrong)
    text = (wrong.folder / score_report.PAGE).read_text()
    told = read_page(text).text
    for task in found.tasks:
        assert f"{100 * task.metrics[task.main].mean:.2f}" in told
        for instruction in wrong.evaluation.tasks[task.task].instructions:
            assert instruction.split("\n")[0] in told
    assert "20 tasks of text alone" not in told.partition("of text alone")[0]
    assert "0 tasks of text alone, the paper has 20" in told
    assert "population (divided by the number of instructions)" in told
    assert "without stemming" in told
    # One published number, and why ours is another.
    assert "46.78" not in told and "55.74" in told
    assert "the published scorer is faulty" in told
    assert (wrong.folder / score_report.SCORES).read_text() == found.model_dump_json(indent=1) + "\n"


def test_failures_come_with_picture_prompt_and_answer(lake: Path, wrong: score_store.Run) -> None:
    text = score_report.page(lake, wrong, score.scores(wrong))
    articles = re.findall(r"<article>.*?</article>", text, re.DOTALL)
    assert len(articles) > 8
    for article in articles:
        assert "What the model answered under each instruction" in article
        assert "Prompt under each instruction" in article
        assert "data:image/" in article
    # The regions that a wrong answer names are drawn beside the right one.
    of_regions = [article for article in articles if "grounded_vqa/" in article]
    assert of_regions
    for article in of_regions:
        assert len(re.findall(r'<rect class="said"', article)) == 1
        assert '<rect class="answer"' in article


def test_what_may_hurt_is_not_shown(lake: Path, wrong: score_store.Run) -> None:
    text = score_report.page(lake, wrong, score.scores(wrong))
    assert f"{HARMFUL}/" not in text
    assert "they may hurt who sees them" in text


def test_a_page_runs_nothing_and_fetches_nothing(lake: Path, wrong: score_store.Run) -> None:
    text = score_report.page(lake, wrong, score.scores(wrong))
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)[0]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"style-src 'sha256-{digest}'" in policy
    found = read_page(text)
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "style"]
    leads_to = {value or "" for name, value in found.attributes if name == "href"}
    assert all(value.startswith(("data:image/", "#")) or value == "scores.json" for value in leads_to)


def test_what_a_model_writes_is_never_markup(lake: Path, tmp_path: Path) -> None:
    hostile = "</li><script>alert(1)</script>\x00<bin_5>"

    class Hostile(Stub):
        def answers(self, task: str, split: Split, instruction: int, rows: Sequence[int]) -> Iterator[Answer]:
            for one in Stub.answers(self, task, split, instruction, rows):
                yield one._replace(text=hostile)

    asked = score_ask.asked(lake, "hostile", hostile, "none", ["text_vqa"], 3)
    run = score_store.Run(tmp_path / "hostile", asked)
    score_ask.ask(lake, run, Hostile(run, "target"))
    found = read_page(score_report.page(lake, run, score.scores(run)))
    assert "script" not in found.tags
    # Each of three rows under five instructions, and the name of the model.
    assert found.text.count("<script>alert(1)</script>␀<bin_5>") == 16


def test_a_page_needs_no_lake(tmp_path: Path) -> None:
    text = score_report.page(tmp_path, run := made_run(tmp_path, [0.5, 0.0]), score.scores(run))
    assert "the lake does not have the build of this evaluation any more" in text
    text = score_report.page(tmp_path, run := exercises_run(tmp_path / "other"), score.scores(run))
    assert "task1_objects" in text
    assert "<article>" not in text


def test_failures_are_a_draw_of_what_is_answered_wrongly(lake: Path, wrong: score_store.Run) -> None:
    answered = score_shown.answers(wrong, whole(lake), "grounded_vqa")
    failed = score_shown.failures(answered, 1_000, 0)
    means = {uid: sum(one.score for one in given) / len(given) for uid, given in answered.given.items()}
    assert set(failed) == {uid for uid, mean in means.items() if mean < 0.5}
    assert score_shown.failures(answered, 3, 0) != score_shown.failures(answered, 3, 1)
    assert set(score_shown.failures(answered, 3, 0)) < set(failed)
