"""The command as a person or a program uses it."""

from __future__ import annotations

import html.parser
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from transforms import registry
from transforms.builder import Builder


def _run(*arguments: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def lake(sample_build: Builder) -> str:
    return str(sample_build.lake)


COMMANDS = [(), ("build",), ("plan",), ("list",), ("show",), ("sql",), ("encode",), ("decode",), ("sample",)]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_given_with_examples(command: tuple[str, ...]) -> None:
    ran = _run(*command, "--help")
    assert ran.returncode == 0
    assert "Usage" in ran.stdout
    if command not in ((), ("list",)):
        assert "Example" in ran.stdout


def test_help_loads_neither_prefect_nor_torch_nor_the_data_libraries() -> None:
    script = (
        "import sys; sys.argv = ['multiinstruct', '--help']\n"
        "from flows.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'prefect', 'torch', 'duckdb', 'pyarrow', 'tokenizers', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'loaded {sorted(heavy)}' if heavy else 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_a_build_with_nothing_to_do_says_so_and_starts_no_flow(lake: str) -> None:
    ran = _run("build", "--sample", "--lake", lake, PREFECT_API_URL="http://127.0.0.1:1/api")
    assert ran.returncode == 0, ran.stderr
    assert "nothing to do" in ran.stdout


def test_the_lake_is_taken_from_the_environment(lake: str) -> None:
    ran = _run("build", "--sample", "--json", MULTIINSTRUCT_LAKE=lake)
    assert json.loads(ran.stdout)["lake"] == lake


def test_a_plan_for_a_program(lake: str) -> None:
    steps = json.loads(_run("plan", "--sample", "--json", "--lake", lake).stdout)["steps"]
    assert {step["action"] for step in steps} == {"done"}
    fresh = json.loads(_run("plan", "--json", "--lake", lake, "--unpinned").stdout)["steps"]
    assert {step["action"] for step in fresh} <= {"run", "follow"}
    refused = json.loads(_run("plan", "--json", "--lake", lake).stdout)["steps"]
    assert "refused" in {step["action"] for step in refused}


def test_lists_for_a_program() -> None:
    tasks = json.loads(_run("list", "tasks", "--json").stdout)
    assert [task["task"] for task in tasks] == registry.task_names()
    sources = json.loads(_run("list", "sources", "--json").stdout)
    assert sorted(sources) == registry.source_names()
    instructions = json.loads(_run("list", "instructions", "visual_grounding", "--json").stdout)
    assert len(instructions["visual_grounding"]) == 5


def test_lists_for_a_person() -> None:
    for what in ("tasks", "sources", "instructions"):
        ran = _run("list", what)
        assert ran.returncode == 0
        assert "visual_g" in ran.stdout


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_who_has_seen_enough_is_no_failure(form: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        ran = subprocess.run(
            [sys.executable, "-m", "flows.cli", "list", "tasks", *form],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_show_names_everything_that_a_row_has(lake: str) -> None:
    ran = _run("show", "grounded_caption_selection", "-n", "2", "--lake", lake)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("[Options]:") == 10
    assert ran.stdout.count("→") == 2
    assert "<region_0> =" in ran.stdout


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]


def test_a_page_runs_nothing_and_fetches_nothing(lake: str, tmp_path: Path) -> None:
    page = tmp_path / "look.html"
    ran = _run("show", "visual_grounding_selection", "-n", "3", "--html", str(page), "--lake", lake)
    assert ran.returncode == 0, ran.stderr
    text = page.read_text()
    tags = _Tags()
    tags.feed(text)
    assert not tags.seen & {"script", "iframe", "object", "link", "base", "form"}
    assert tags.seen >= {"svg", "rect", "image"}
    assert all(link.startswith("data:image/") for link in tags.links)
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert text.count('class="answer"') >= 3


def test_sql_answers(lake: str) -> None:
    ran = _run("sql", "select count(*) as n from instances.visual_grounding", "--json", "--lake", lake)
    assert json.loads(ran.stdout)[0]["n"] > 1000


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/etc/*')",
        "copy (select 1) to '/tmp/multiinstruct-escape.csv'",
        "attach '/tmp/multiinstruct-escape.db'",
        "create table stolen as select 1",
        "drop view instances.visual_grounding",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "install httpfs",
        "load httpfs",
        "export database '/tmp/multiinstruct-escape'",
    ],
)
def test_sql_cannot_leave_the_lake_or_change_it(lake: str, query: str) -> None:
    ran = _run("sql", query, "--lake", lake)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error:")
    assert not list(Path("/tmp").glob("multiinstruct-escape*"))


def test_encode_and_decode_read_lines_and_undo_each_other(lake: str) -> None:
    strings = [" a red ball", "  two  blanks\n", 'é \U0001f440 "quoted"', ""]
    encoded = _run(
        "encode", "-", "--vocabulary", "sample", "--lake", lake, stdin="\n".join(map(json.dumps, strings))
    )
    assert encoded.returncode == 0, encoded.stderr
    lists = encoded.stdout.splitlines()
    assert len(lists) == len(strings)
    assert all(isinstance(number, int) for line in lists for number in json.loads(line))
    decoded = _run("decode", "-", "--vocabulary", "sample", "--lake", lake, stdin=encoded.stdout)
    assert [json.loads(line) for line in decoded.stdout.splitlines()] == strings


def test_encode_equals_the_reference(vectors: Path, ofa_bpe: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror" / "dl.fbaipublicfiles.com" / "fairseq" / "gpt2_bpe"
    mirror.mkdir(parents=True)
    for name in ("encoder.json", "vocab.bpe", "dict.txt"):
        (mirror / name).write_bytes((ofa_bpe / name).read_bytes())
    options = ("--lake", str(tmp_path / "lake"), "--mirror", str(tmp_path / "mirror"), "--offline")
    known = json.loads((vectors / "ofa_bpe_vectors.json").read_text())
    lines = "\n".join(json.dumps(vector["text"]) for vector in known["vectors"])
    ran = _run("encode", "-", *options, stdin=lines)
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        vector["ids"] for vector in known["vectors"]
    ]
    for vector in known["symbol_vectors"]:
        ran = _run("encode", vector["text"], "--symbols", *options)
        assert json.loads(ran.stdout) == vector["ids"]


def test_a_bad_line_is_named(lake: str) -> None:
    ran = _run("encode", "-", "--vocabulary", "sample", "--lake", lake, stdin='"fine"\n[1]\n')
    assert ran.returncode == 2
    assert "line 2" in ran.stderr


def test_a_sample_is_written_as_a_mirror(tmp_path: Path) -> None:
    ran = _run("sample", str(tmp_path / "mirror"), "--scale", "0.05")
    assert ran.returncode == 0, ran.stderr
    declared = registry.declaration("visual_genome").files
    for file in declared.values():
        assert (tmp_path / "mirror" / file.urls[0].removeprefix("https://")).is_file()
    again = _run("sample", str(tmp_path / "mirror"))
    assert again.returncode == 2
    assert "not empty" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("build", "--until", "nowhere"), 2),
        (("build", "--task", "no_such_task"), 2),
        (("show", "no_such_task"), 2),
        (("show", "visual_grounding", "--lake", "/nonexistent/lake"), 1),
        (("build",), 2),
        (("no_such_command",), 2),
    ],
)
def test_misuse_ends_with_its_documented_code(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    ran = _run(*arguments, MULTIINSTRUCT_LAKE=str(tmp_path / "lake"))
    assert ran.returncode == code, ran.stderr
    assert ran.stderr
