"""The server of the reports, asked as strangers would ask it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.reports_server import ReportsServer, serving_reports

BUILD = "0123456789abcdef"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("served") / "lake"
    folder = lake / "reports" / BUILD
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>a report</title>")
    (folder / "report.json").write_text('{"build": "0123456789abcdef"}')
    (folder / ".index.html.77").write_text("half written")
    (folder / "notes.txt").write_text("not a report")
    (lake / "current").write_text(f"{BUILD}\n")
    run = lake / "evaluations" / "mine"
    run.mkdir(parents=True)
    (run / "index.html").write_text("<!doctype html><title>an evaluation</title>")
    (run / "scores.json").write_text("{}")
    (run / "text_vqa.0.parquet").write_text("answers")
    (lake / "evaluations" / "out").symlink_to(lake)
    (lake / "secret.json").write_text("a secret")
    (lake / "reports-elsewhere").mkdir()
    (lake / "reports-elsewhere" / "index.html").write_text("a secret")
    (lake / "reports" / "link.json").symlink_to(lake / "secret.json")
    (lake / "reports" / "out").symlink_to(lake)
    return lake


@pytest.fixture(scope="module")
def server(lake: Path) -> Iterator[ReportsServer]:
    with serving_reports(lake, 0) as server:
        yield server


def _ask(
    server: ReportsServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_the_front_page_leads_to_the_current_build(server: ReportsServer) -> None:
    answer, _ = _ask(server, "/")
    assert (answer.status, answer.getheader("Location")) == (302, f"/{BUILD}/")
    answer, body = _ask(server, f"/{BUILD}/")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
    assert b"a report" in body
    answer, body = _ask(server, f"/{BUILD}/report.json?anything")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "application/json")


def test_evaluations_have_a_place_of_their_own(server: ReportsServer) -> None:
    answer, body = _ask(server, "/evaluations/mine/")
    assert (answer.status, b"an evaluation" in body) == (200, True)
    assert _ask(server, "/evaluations/mine/scores.json")[1] == b"{}"
    answer, _ = _ask(server, "/evaluations/mine")
    assert (answer.status, answer.getheader("Location")) == (302, "/evaluations/mine/")


def test_a_folder_is_asked_for_with_a_slash(server: ReportsServer) -> None:
    answer, _ = _ask(server, f"//{BUILD}")
    assert (answer.status, answer.getheader("Location")) == (302, f"/{BUILD}/")


@pytest.mark.parametrize("path", ["/", f"/{BUILD}/", f"/{BUILD}/report.json", "/nothing", "/../secret.json"])
def test_every_answer_forbids_what_a_page_could_do(server: ReportsServer, path: str) -> None:
    answer, _ = _ask(server, path)
    policy = answer.getheader("Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
    assert "Python" not in (answer.getheader("Server") or "")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.json",
        f"/{BUILD}/../../secret.json",
        "/%2e%2e/secret.json",
        "/..%2fsecret.json",
        "/..%5csecret.json",
        f"/{BUILD}/%2e%2e%2f%2e%2e%2fsecret.json",
        "/../reports-elsewhere/index.html",
        "/etc/passwd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        f"/{BUILD}/report.json%00.html",
        "/link.json",
        "/out/secret.json",
        "/out/",
        f"/{BUILD}/.index.html.77",
        "/evaluations",
        "/evaluations/",
        "/evaluations/../secret.json",
        "/evaluations/%2e%2e/secret.json",
        "/evaluations/out/secret.json",
        "/evaluations/mine/text_vqa.0.parquet",
        f"/{BUILD}/notes.txt",
        "/" + "a" * 5000,
        "/" + "a/" * 3000,
        "*",
        "http://127.0.0.1/secret.json",
    ],
)
def test_nothing_else_is_served(server: ReportsServer, path: str) -> None:
    answer, body = _ask(server, path)
    assert answer.status == 404
    assert b"secret" not in body
    assert b"root:" not in body


def test_another_name_is_not_answered(server: ReportsServer) -> None:
    answer, body = _ask(server, f"/{BUILD}/", host=f"rebound.example:{server.server_port}")
    assert answer.status == 421
    assert b"a report" not in body
    assert _ask(server, f"/{BUILD}/", host=f"localhost:{server.server_port}")[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_is_taken(server: ReportsServer, method: str) -> None:
    answer, _ = _ask(server, f"/{BUILD}/report.json", method)
    assert answer.status == 501
    assert (server.lake / "reports" / BUILD / "report.json").is_file()


def test_a_head_has_no_body(server: ReportsServer) -> None:
    answer, body = _ask(server, f"/{BUILD}/", "HEAD")
    assert (answer.status, body) == (200, b"")
    assert int(answer.getheader("Content-Length") or 0) > 0


def test_before_the_first_build_it_says_so(tmp_path: Path) -> None:
    with serving_reports(tmp_path / "nowhere", 0) as server:
        answer, body = _ask(server, "/")
        assert answer.status == 404
        assert b"no build has ended" in body
        assert _ask(server, f"/{BUILD}/")[0].status == 404


def test_it_listens_on_this_machine_only(server: ReportsServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
