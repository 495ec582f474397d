"""An S3 server of this machine, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
import pytest


@contextmanager
def bucket(name: str) -> Iterator[str]:
    """The address of an empty bucket, with the environment such that clients find it.

    What it holds lives in this process: names must differ between modules.
    """
    server = pytest.importorskip("moto.server", reason="pip install -e '.[dev]'")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "sentinel-secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("NO_PROXY", "*")
        files = fsspec.filesystem("s3")
        files.clear_instance_cache()
        fsspec.filesystem("s3").mkdir(name)
        yield f"s3://{name}"
        files.clear_instance_cache()
    running.stop()
