"""Mutations of auctions' rules, and of what the house decides about auctions."""

from tests.faults.mutations.mutation import Mutation

MACHINE = "tests/domain/test_auction_machine.py"
PARTIAL = "tests/integration/test_partial_state.py"
FALSIFIED = "tests/integration/test_falsified_records.py"

RULES = (
    Mutation(
        "a reserve is not met by its own amount",
        "commands/domain/rules/reserve.py",
        "amount >= self.amount",
        "amount > self.amount",
        MACHINE,
    ),
    Mutation(
        "a batch does not know who leads where a reserve follows that",
        "commands/handling/auctions.py",
        "        if follow_leader(line.before.rules):\n",
        "        if False:\n",
        PARTIAL,
    ),
    Mutation(
        "a batch does not know the reserve of an auction that it creates itself",
        "commands/handling/auctions.py",
        "        if isinstance(command, CreateAuction):\n",
        "        if False:\n",
        PARTIAL,
    ),
    Mutation(
        "a reserve that was not committed to passes verification",
        "commands/record/reserves.py",
        "!= reserve.commitment:",
        "== reserve.sealed:",
        FALSIFIED,
    ),
    Mutation(
        "a reserve that was said to be met by less passes verification",
        "commands/record/reserves.py",
        "        if self.met is not None and self.met < price.amount:\n",
        "        if False:\n",
        FALSIFIED,
    ),
    Mutation(
        "a key goes that an auction needs",
        "commands/postgres/secret_keys.py",
        "      AND NOT EXISTS (SELECT FROM auctions WHERE id = owner_id)\n",
        "",
        "tests/integration/test_pruning.py",
    ),
    Mutation(
        "increments go by the bidder's own bid alone",
        "commands/handling/auctions.py",
        "                    if need_leader(line.before.rules):\n",
        "                    if False:\n",
        PARTIAL,
    ),
)
