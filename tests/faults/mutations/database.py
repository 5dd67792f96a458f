"""Mutations of what the portal's roles may do in Postgres."""

from tests.faults.mutations.mutation import Mutation

ROLES = "tests/integration/test_database_roles.py"

DATABASE = (
    Mutation(
        "the writer may change what is append-only",
        "portal/database/rules.py",
        "    if table in APPEND_ONLY:\n",
        "    if table in ():\n",
        ROLES,
    ),
    Mutation(
        "the parts of a table have no rules",
        "portal/database/granting.py",
        "        roles.writer: writers_rights(relation.follows),\n",
        "        roles.writer: writers_rights(relation.name),\n",
        ROLES,
    ),
    Mutation(
        "the reader sees password hashes",
        "portal/database/rules.py",
        '        columns={"id", "username", "is_staff", "version", "created_at", "deleted_at"},\n',
        '        columns={"id", "username", "is_staff", "version", "created_at", "deleted_at", "password"},\n',
        ROLES,
    ),
    Mutation(
        "a new table allows everything to the writer at first",
        "portal/database/rules.py",
        'AT_FIRST = ("INSERT", "SELECT")',
        'AT_FIRST = ("INSERT", "SELECT", "UPDATE", "DELETE")',
        ROLES,
    ),
    Mutation(
        "migrating gives the writer nothing of new tables",
        "portal/management/commands/migrate.py",
        "            grant_if_owner(connection, names_of_roles())\n",
        "            pass\n",
        "tests/integration/test_making_roles.py",
    ),
    Mutation(
        "what was granted by hand stays",
        "portal/database/granting.py",
        "            if have[role].get(relation.name, frozenset()) != rights:\n",
        "            if not have[role].get(relation.name, frozenset()) >= rights:\n",
        ROLES,
    ),
    Mutation(
        "a role that may become the owner passes for a writer",
        "portal/database/roles.py",
        "    OR pg_has_role(rolname, %(owner)s, 'MEMBER')\n",
        "",
        ROLES,
    ),
    Mutation(
        "a role with the right to one column passes for one that can't change events",
        "portal/database/granting.py",
        "has_any_column_privilege(pg_class.oid, 'UPDATE')",
        "has_table_privilege(pg_class.oid, 'UPDATE')",
        ROLES,
    ),
)
