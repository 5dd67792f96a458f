"""Faults that the real Postgres raises by itself, for one stream and a number of times."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from commands.streams import Stream
from tests.integration.in_process import InProcessPortal

# A sequence counts across the transactions that the faults roll back.
PLANT = """
CREATE SEQUENCE planted_faults;
CREATE FUNCTION planted_fault() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('planted_faults') <= {times} THEN
        IF {code} = 'kill' THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
            PERFORM pg_sleep(10);
        END IF;
        RAISE EXCEPTION 'planted' USING ERRCODE = {code}, DETAIL = 'alice@example.org';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER planted_fault BEFORE INSERT ON {table}
    FOR EACH ROW WHEN (NEW.{column} = {stream}) EXECUTE FUNCTION planted_fault();
"""
CLEAR = """
DROP FUNCTION planted_fault() CASCADE;
DROP SEQUENCE planted_faults;
"""
FOR_EVER = 1_000_000


@contextmanager
def faults(
    in_process: InProcessPortal,
    stream: Stream,
    code: str,
    times: int = FOR_EVER,
    where: tuple[str, str] = ("events", "stream_id"),
) -> Iterator[None]:
    """Recording an event of the stream fails with that SQLSTATE, so many times; or a row of
    another table, whose column names the stream.

    With `kill` the server ends the connection that does it.
    """
    table, column = map(sql.Identifier, where)
    plant = sql.SQL(PLANT).format(
        times=times, code=code, stream=str(stream.id), table=table, column=column
    )
    with in_process.pool.connection() as connection:
        connection.execute(plant)
    try:
        yield
    finally:
        with in_process.pool.connection() as connection:
            connection.execute(CLEAR)
