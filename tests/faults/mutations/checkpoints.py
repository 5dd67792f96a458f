"""Mutations of checkpoints: what they cover, who makes them, and what is found of a log that lost events."""

from tests.faults.mutations.mutation import Mutation

MADE = "tests/integration/test_checkpoints.py"
VERIFIED = "tests/integration/test_verifying_checkpoints.py"
WITNESSED = "tests/integration/test_witnesses.py"
CHECKPOINTS = (
    Mutation(
        "a checkpoint does not wait for events that commit late",
        "commands/postgres/tree.py",
        '    while not _ended(connection, writing["id"]):\n',
        "    while False:\n",
        f"{MADE}::test_an_event_that_commits_late_is_waited_for",
    ),
    Mutation(
        "an event has its position before its transaction has an id",
        "commands/postgres/event_store.py",
        "FROM pg_current_xact_id() AS writing (id)\n",
        "FROM (VALUES ('0'::xid8)) AS writing (id)\n",
        f"{MADE}::test_a_transaction_has_its_id_before_an_event_has_its_position",
    ),
    Mutation(
        "a close waits for the minute to be over",
        "commands/checkpoints/making.py",
        "news.any and (news.closes or old_enough)",
        "news.any and old_enough",
        f"{MADE}::test_one_is_due_as_soon_as_an_auction_is_closed",
    ),
    Mutation(
        "of two checkpoints made at once both are kept",
        "commands/checkpoints/making.py",
        "        number=last.checkpoint.number + 1 if last else 1,\n",
        "        number=time.time_ns() % 2**31,\n",
        f"{MADE}::test_of_two_at_once_each_number_is_kept_once",
    ),
    Mutation(
        "a run begins anew what the one before did",
        "commands/postgres/tree.py",
        "    if last is None:\n        return Tree()\n",
        "    return Tree()\n",
        f"{MADE}::test_a_long_log_gets_its_first_checkpoint_in_several_runs",
    ),
    Mutation(
        "a log that lost an event is signed",
        "commands/checkpoints/making.py",
        "    if last:\n        _compare(connection, last, tree)\n",
        "",
        f"{MADE}::test_a_house_whose_log_lost_an_event_signs_nothing_more",
    ),
    Mutation(
        "subtrees are not compared with the events",
        "commands/checkpoints/verifying.py",
        "if kept.get(node, value) != value]",
        "if False]",
        f"{VERIFIED}::test_what_was_tampered_with_is_named",
    ),
    Mutation(
        "checkpoints are not compared with the events",
        "commands/checkpoints/verifying.py",
        "        if (whole.size, whole.root()) != (checkpoint.size, checkpoint.root):\n",
        "        if False:\n",
        f"{VERIFIED}::test_a_checkpoint_signed_anew_does_not_fit_the_others",
    ),
    Mutation(
        "a kept checkpoint is not looked for",
        "commands/checkpoints/verifying.py",
        "        kept = [self.against.checkpoint] if self.against else []\n",
        "        kept: list[Checkpoint] = []\n",
        f"{VERIFIED}::test_events_removed_with_all_that_was_kept_of_them_are_missed_by_who_kept_a_checkpoint",
    ),
    Mutation(
        "signatures of checkpoints are not checked",
        "commands/record/checkpoints.py",
        "    except (InvalidSignature, ValueError):\n        return False\n",
        "    except (InvalidSignature, ValueError):\n        return True\n",
        f"{VERIFIED}::test_what_was_tampered_with_is_named",
    ),
    Mutation(
        "an attempt to tell a witness is counted only when it failed",
        "commands/postgres/checkpoints.py",
        "UPDATE witnesses SET attempts = attempts + 1, due = clock_timestamp() + %(lease)s\n",
        "UPDATE witnesses SET attempts = attempts, due = due\n",
        f"{WITNESSED}::test_one_who_dies_while_sending_has_the_attempt_counted_and_it_is_sent_again",
    ),
    Mutation(
        "a witness that drips is waited for",
        "commands/http_exchange.py",
        "        answer = exchange.answer.get(timeout=seconds)\n",
        "        answer = exchange.answer.get()\n",
        f"{WITNESSED}::test_a_witness_that_fails_is_tried_again_later_and_others_get_theirs",
    ),
    Mutation(
        "a witness is told once a minute however often it fails",
        "commands/checkpoints/witnesses.py",
        "    pause = min(doubled, LONGEST_PAUSE)\n",
        "    pause = FIRST_PAUSE\n",
        f"{WITNESSED}::test_pauses_double_up_to_an_hour",
    ),
)
