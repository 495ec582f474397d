"""Mixtures: what their files may say, and that they come to exact counts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pydantic import ValidationError

from schemas.errors import BuildError
from schemas.instance import Split
from schemas.mixture import Mixture
from tests.conftest import ROOT
from transforms import registry
from transforms.artifact import Draft
from transforms.graph import default_tasks
from transforms.mixing import Available, Count, allot, bounds, compile_mixture, natural, part_of
from transforms.pictures import Picture
from transforms.select import compile_counts, select

# On a busy machine the first draw takes a second.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = some.text("abc019_", min_size=1, max_size=6)


EVERY = "[[parts]]\ntasks = {{}}\nmax_per_task = {{ train = {} }}\n"
ONE = EVERY.format(1)


def mixture(text: str) -> Mixture:
    return Mixture.model_validate({"summary": "Made.", **tomllib.loads(text)})


def rows(**train: int) -> dict[str, Available]:
    return {task: Available({"train": count}) for task, count in train.items()}


def counted(found: Mapping[str, Mapping[Split, Count]]) -> dict[str, int]:
    return {task: splits["train"].count for task, splits in found.items()}


@some.composite
def dealings(draw: some.DrawFn) -> tuple[int, dict[str, Fraction], dict[str, int]]:
    names = draw(some.lists(NAMES, unique=True, max_size=8))
    weights = {name: Fraction(draw(some.integers(1, 10**9)), draw(some.integers(1, 10**6))) for name in names}
    return draw(some.integers(0, 5_000)), weights, {name: draw(some.integers(0, 1_000)) for name in names}


@patient
@given(dealings())
def test_a_total_is_dealt_out_to_the_last_row(
    dealing: tuple[int, dict[str, Fraction], dict[str, int]],
) -> None:
    total, weights, most = dealing
    dealt = allot(total, weights, most)
    assert sum(dealt.values()) == min(total, sum(most.values()))
    assert all(0 <= dealt[name] <= most[name] for name in most)


@patient
@given(dealings())
def test_whoever_could_have_more_has_as_much_for_their_weight_as_anyone(
    dealing: tuple[int, dict[str, Fraction], dict[str, int]],
) -> None:
    """Up to the one row that rounding may give or take on either side."""
    total, weights, most = dealing
    dealt = allot(total, weights, most)
    for other in (name for name in dealt if dealt[name] < most[name]):
        for name in dealt:
            assert (dealt[name] - 1) / weights[name] < (dealt[other] + 1) / weights[other]


@patient
@given(dealings(), some.randoms())
def test_the_order_of_names_changes_nothing(
    dealing: tuple[int, dict[str, Fraction], dict[str, int]], random: Any
) -> None:
    total, weights, most = dealing
    names = list(weights)
    random.shuffle(names)
    again = allot(total, {name: weights[name] for name in names}, {name: most[name] for name in names[::-1]})
    assert again == allot(total, weights, most)


def test_equal_remainders_go_to_the_first_names() -> None:
    thirds = dict.fromkeys(("task10", "task9", "task2"), Fraction(1))
    assert allot(5, thirds, dict.fromkeys(thirds, 9)) == {"task2": 2, "task9": 2, "task10": 1}


def test_what_a_cap_takes_away_the_others_get() -> None:
    weights = {"a": Fraction(2), "b": Fraction(1), "c": Fraction(1)}
    assert allot(100, weights, {"a": 10, "b": 1_000, "c": 1_000}) == {"a": 10, "b": 45, "c": 45}


@patient
@given(some.lists(NAMES))
def test_no_two_names_are_alike_in_natural_order(names: list[str]) -> None:
    assert len({natural(name) for name in names}) == len(set(names))


def test_natural_order() -> None:
    assert sorted(["task10_a", "task9_b", "task009_a", "task1"], key=natural) == [
        *("task1", "task009_a", "task9_b", "task10_a"),
    ]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        # 100, 400 and 1,600 rows: shares of 1 : 4 : 16, of 1 : 2 : 4, of 1 : 16 : 256 and of 3 : 2 : 1.
        ('"proportional"', [10, 40, 160]),
        ('"sqrt"', [30, 60, 120]),
        ('"temperature"\ntemperature = 0.5', [1, 12, 197]),
        ('"temperature"\ntemperature = 2', [30, 60, 120]),
        ('"fixed"\nshares = { counting = 3, position_reasoning = 2, scene_recognition = 1 }', [100, 73, 37]),
    ],
)
def test_a_total_is_divided_by_each_kind_of_weights(weights: str, expected: list[int]) -> None:
    made = mixture(EVERY.format(0) + f"total = {{ train = 210 }}\nweights = {weights}")
    found = rows(counting=100, position_reasoning=400, scene_recognition=1_600)
    assert list(counted(compile_mixture(made, found)).values()) == expected


def test_a_cap_counts_before_the_weights_and_a_total_above_all_is_all() -> None:
    made = mixture(EVERY.format(300) + "total = { train = 9000 }\nweights = 'sqrt'")
    assert counted(compile_mixture(made, rows(counting=100, scene_recognition=1_600))) == {
        "counting": 100,
        "scene_recognition": 300,
    }


def test_a_task_belongs_to_the_first_part_that_fits_and_to_none_if_none_does() -> None:
    made = mixture(
        """
        [[parts]]
        tasks = { name = ["counting"] }
        max_per_task = { train = 1 }
        [[parts]]
        tasks = { category = ["image_understanding"], role = "train", family = ["multiple_choice"] }
        max_per_task = { train = 2 }
        """
    )
    taken = counted(compile_mixture(made, rows(visual_grounding=9, scene_recognition=9, counting=9)))
    assert taken == {"scene_recognition": 2, "counting": 1}
    assert bounds(made, "visual_grounding") == {}


def values(**of_value: int) -> Available:
    return Available({"train": sum(of_value.values())}, {"train": of_value})


def test_rows_of_a_value_are_bounded_and_only_the_first_values_taken() -> None:
    made = mixture(
        """
        [[parts]]
        tasks = {}
        max_per_task = { train = 0 }
        values = { column = "exercise_task", max_rows = 5, first = 3 }
        """
    )
    found = {"counting": values(task10=4, task2=9), "scene_recognition": values(task1=7, task9=7)}
    taken = compile_mixture(made, found)
    assert taken["counting"]["train"] == Count(13, 5, {"task2": (9, 5), "task10": (4, 0)})
    assert taken["scene_recognition"]["train"] == Count(14, 10, {"task1": (7, 5), "task9": (7, 5)})


def test_a_cap_below_the_bounds_of_values_is_shared_evenly() -> None:
    made = mixture(EVERY.format(11) + "values = { column = 'exercise_task' }")
    taken = compile_mixture(made, {"counting": values(a=1, b=90, c=90)})
    assert taken["counting"]["train"].values == {"a": (1, 1), "b": (90, 5), "c": (90, 5)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parts = []", "at least 1"),
        ("[[parts]]\ntasks = {}\nmax_per_task = {}", "at least 1"),
        ("[[parts]]\ntasks = {}\nmax_per_task = { train = -1 }", "greater than or equal to 0"),
        ("[[parts]]\ntasks = { colour = 'red' }\nmax_per_task = { train = 1 }", "Extra inputs"),
        ("[[parts]]\ntasks = { category = ['pets'] }\nmax_per_task = { train = 1 }", "Input should be"),
        (ONE + "total = { train = 5 }", "give both or neither"),
        (ONE + "weights = 'sqrt'", "give both or neither"),
        (ONE + "total = { test = 5 }\nweights = 'sqrt'", "that max_per_task names"),
        (ONE + "total = { train = 5 }\nweights = 'temperature'", "a temperature is given"),
        (ONE + "total = { train = 5 }\nweights = 'sqrt'\ntemperature = 2", "a temperature is given"),
        (ONE + "total = { train = 5 }\nweights = 'fixed'", "shares are given"),
        (ONE + "stage = 'a'", "lists its stages"),
        ("stages = ['a']\nblind = ['b']\n" + ONE + "stage = 'a'", "some of the stages"),
        ("blind = ['all']\n" + ONE, "some of the stages"),
        ("stages = ['a']\n" + ONE, "in one of the stages"),
        ("stages = ['a', 'b']\n" + ONE + "stage = 'a'", "in one of the stages"),
        ("stages = ['a', 'a']\n" + ONE + "stage = 'a'", "same name"),
        ("stages = ['a', 'b']\n" + ONE + "again_in = ['a', 'b']", "in one of the stages"),
        ("stages = ['a', 'b']\n" + ONE + "stage = 'b'\nagain_in = ['a']", "later stages"),
        ("stages = ['a', 'b']\n" + ONE + "stage = 'a'\nagain_in = ['b', 'b']", "later stages"),
        ("stages = ['a', 'b']\n" + ONE + "stage = 'a'\nagain_in = ['b', 'c']", "in one of the stages"),
        (
            "stages = ['a']\n" + ONE + "stage = 'a'\n" + ONE.replace("train", "test") + "stage = 'a'",
            "lists its",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        mixture(text)


def test_a_task_without_a_share_is_named() -> None:
    made = mixture(ONE + "total = { train = 5 }\nweights = 'fixed'\nshares = { counting = 1 }")
    with pytest.raises(BuildError, match="ocr"):
        compile_mixture(made, rows(counting=1, ocr=1))


@pytest.mark.parametrize("name", registry.mixture_names())
def test_a_shipped_mixture_names_tasks_that_there_are(name: str) -> None:
    made = registry.mixture(name)
    assert set(made.named) <= set(registry.task_names())
    # Every row that is held out is evaluated on, and none is trained on.
    for task in default_tasks():
        if registry.task(task).head.role == "eval":
            assert set(bounds(made, task)) == {"test"}
        elif part_of(made, task) is not None:
            assert "train" in bounds(made, task)


TRAINED: dict[str, dict[str, int]] = {
    "all": {"train": 0, "validation": 0, "test": 0},
    "mins_564k": {"train": 10_000},
    "mins_59k": {"train": 1_000, "validation": 100},
    "multiinstruct": {"train": 10_000, "validation": 1_000},
    "quick": {"train": 100, "validation": 20},
}


@pytest.mark.parametrize("name", sorted(TRAINED))
def test_presets_take_what_they_always_took(name: str) -> None:
    made = registry.mixture(name)
    for task in default_tasks():
        held_out = registry.task(task).head.role == "eval"
        expected = {"test": 100 if name == "quick" else 0} if held_out else TRAINED[name]
        assert bounds(made, task) == expected


def test_the_example_of_the_readme_is_a_mixture() -> None:
    (example,) = re.findall(r"```toml\n(summary.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    made = Mixture.model_validate(tomllib.loads(example))
    assert part_of(made, "natural_instructions") is made.parts[0]
    assert part_of(made, "visual_grounding") is made.parts[1]


def test_families_have_equal_mass() -> None:
    made = registry.mixture("five_families")
    found = {task: Available({"train": 50_000}) for task in default_tasks()}
    of_family: dict[int, int] = {}
    for task, splits in compile_mixture(made, found).items():
        if "train" in splits:
            part = made.parts.index(part_of(made, task))
            of_family[part] = of_family.get(part, 0) + splits["train"].count
    assert list(of_family.values()) == [30_000] * 4


GOLDEN = {
    "data/counting.parquet": "48629998a65eebb9f517ccf46c5d9f7e5fa4929cf1db44a1ce305e14db286b88",
    "data/left_out.parquet": "60caf953c06b3da3fe4526c4cafe27e52587f4fcd8b9521b16d39e3e1b753d76",
    "data/pictures.parquet": "98c087c253e9b554f8d9aff6edb5fa2627d17493bb803c3d1a649b34aff65058",
    "data/rows.parquet": "5172ace4e78819f1c8f57fb47e61b21af3ffd9b69affc7c397d8e527d9ca3cc2",
}


def _instances(folder: Path) -> Path:
    """250 rows over 40 pictures, as a task of words has them."""
    uids = [f"counting/{number}" for number in range(250)]
    table = pa.table(
        {
            "uid": uids,
            "image_id": [None if number % 11 == 0 else f"vg:{number % 40}" for number in range(250)],
            "split": [("train", "train", "validation", "test")[number % 4] for number in range(250)],
            "kind": [f"kind{number % 7}" for number in range(250)],
        }
    )
    (folder / "fingerprint" / "data").mkdir(parents=True)
    pq.write_table(table, folder / "fingerprint" / "data" / "instances.parquet")
    return folder / "fingerprint" / "data" / "instances.parquet"


@pytest.fixture
def making(tmp_path: Path) -> Iterator[Draft]:
    draft = Draft(tmp_path / "draft")
    for folder in (draft.folder, draft.scratch):
        folder.mkdir()
    yield draft


def test_the_rows_of_the_default_mixture_are_those_of_always(making: Draft, tmp_path: Path) -> None:
    """Content ids of the rows and counts that the first version of mixtures took of these instances."""
    path = _instances(tmp_path / "counting")
    compile_counts(registry.mixture("multiinstruct"), {"counting": path}, making)
    select(
        *("counting", 0, ("train", "validation"), path, making.path("counting.parquet"), {}),
        check=lambda *_: Picture(),
        prefetch=lambda _: None,
        expect=lambda _: None,
        making=making,
        threads=1,
    )
    ids = {entry.path: entry.content_id for entry in making.close()}
    assert ids == GOLDEN
