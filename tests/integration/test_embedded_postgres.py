"""The embedded Postgres, after a kill at a bad moment."""

from pathlib import Path

import psycopg
import pytest

from portal.laptop.cluster import cluster


def test_it_starts_although_a_kill_left_its_lock_file_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    for variable in ("REDIS_URL", "MONGODB_URL"):
        monkeypatch.setenv(variable, "elsewhere")
    with cluster(tmp_path, durable=False):
        pass
    (tmp_path / "postgres" / "postmaster.pid").touch()
    with (
        cluster(tmp_path, durable=False) as again,
        psycopg.connect(again.urls["DATABASE_URL"]) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)
