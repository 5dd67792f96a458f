"""Mutations of exports and imports."""

from tests.faults.mutations.mutation import Mutation

TRANSFERS = (
    Mutation(
        "an import that was cut off begins anew",
        "portal/transfer/importing.py",
        "        if line > progress.lines:\n",
        "        if line:\n",
        "tests/integration/test_importing.py::test_killed_at_any_step_an_import_goes_on",
    ),
    Mutation(
        "another file goes on where an import was cut off",
        "portal/transfer/importing.py",
        "        if line == progress.lines and exported.digest != progress.digest:\n",
        "        if line == progress.lines and not exported.digest:\n",
        "tests/integration/test_importing.py::test_what_was_begun_with_one_file_does_not_go_on_with_another",
    ),
    Mutation(
        "half a record is acted upon",
        "commands/postgres/event_store.py",
        "WHERE NOT EXISTS (SELECT FROM imports WHERE finished_at IS NULL)\n",
        "",
        "tests/integration/test_importing.py::test_killed_at_any_step_an_import_goes_on",
    ),
    Mutation(
        "bidders are notified of what an import brought",
        "portal/transfer/importing.py",
        "            begin_here(connection, restore(connection, recorded))\n",
        "            restore(connection, recorded)\n",
        "tests/integration/test_importing.py::test_nobody_is_notified_of_what_was_before",
    ),
    Mutation(
        "a changed event is imported",
        "portal/transfer/record.py",
        "        if chain_hash(last.hash if last else GENESIS, text) != hash_:\n",
        "        if chain_hash(last.hash if last else GENESIS, text) == b'':\n",
        "tests/integration/test_exported_files.py",
    ),
    Mutation(
        "a file without its end is imported",
        "portal/transfer/lines.py",
        '        if found.get("lines") != count:\n',
        '        if found.get("lines") is None:\n',
        "tests/integration/test_exported_files.py",
    ),
    Mutation(
        "an export is of several moments",
        "commands/postgres/exporting.py",
        "IsolationLevel.REPEATABLE_READ",
        "IsolationLevel.READ_COMMITTED",
        "tests/integration/test_importing.py::test_an_export_is_of_one_moment",
    ),
)
