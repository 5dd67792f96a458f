"""Mutations of what concerns users: sessions, deletion, notifications and mails."""

from tests.faults.mutations.mutation import Mutation

PEOPLE = (
    # 3. Projections and notifications converge; a poison event stops only its own stream, loudly.
    Mutation(
        "the notifier's place does not move with what it wrote",
        "notifications/notifier.py",
        "    advance(connection, {id: _reached(each) for id, each in news.items()})\n",
        "",
        "without mongodb",
        "nobody was notified",
    ),
    # 5. Deleting a user survives a kill at each step and ends complete.
    Mutation(
        "a deletion withdraws the bids of one auction only",
        "commands/handling/users.py",
        "next_to_withdraw_from(connection, withdrawing, AT_ONCE)\n",
        "next_to_withdraw_from(connection, withdrawing, AT_ONCE)[:1]\n",
        "tests/integration/test_deleting_users.py",
    ),
    Mutation(
        "a deletion withdraws the bids of one batch of auctions only",
        "commands/postgres/users.py",
        "    if len(auctions) < limit:\n",
        "    if auctions:\n",
        "tests/integration/test_deleting_users.py",
    ),
    Mutation(
        "an auction is closed while a deletion has not come to it",
        "commands/postgres/auctions.py",
        "(SELECT min(withdrawing_at) FROM users WHERE withdrawing_at IS NOT NULL)",
        "NULL",
        "tests/integration/test_deleting_users.py",
    ),
    Mutation(
        "a deletion leaves the address",
        "commands/postgres/users.py",
        "username = NULL, email = NULL,",
        "username = NULL,",
        "tests/integration/test_deleting_users.py",
    ),
    Mutation(
        "a deletion leaves the name in what a killed rebuild made",
        "projections/mongo/store.py",
        "for user in users if user.deleted]:",
        "for user in users if user.deleted and user.username]:",
        "tests/integration/test_leftovers.py",
    ),
    Mutation(
        "a token's signature is not looked at",
        "portal/signin/tokens.py",
        '"verify_iat": False,',
        '"verify_iat": False, "verify_signature": False,',
        "tests/e2e/test_authorisation.py",
    ),
    # What many follow is executed once, but nobody gets what was made for another reader.
    Mutation(
        "readers of their own bids share an execution",
        "portal/schema/following/feeds.py",
        "reader = question.context.authorization if found.of_the_reader else SHARED",
        "reader = None if found.of_the_reader else SHARED",
        "tests/e2e/test_following.py",
    ),
    Mutation(
        "a field with a resolver is taken for public",
        "portal/schema/following/declared.py",
        '    return declared.metadata.get("public") is not True\n',
        "    return False\n",
        "tests/integration/test_sharing.py",
    ),
    Mutation(
        "events go to whoever is somewhere behind",
        "portal/schema/following/events.py",
        "if before <= each.shown < last and each.line.ready",
        "if each.shown < last and each.line.ready",
        "tests/e2e/test_following.py",
    ),
    Mutation(
        "a slow reader's events are dropped",
        "portal/schema/following/events.py",
        "            if each.line.ready:\n                each.line.write(frames.of(each.operation.id, each.shown - before))\n                each.shown = last\n",
        "            if each.line.ready:\n                each.line.write(frames.of(each.operation.id, each.shown - before))\n            each.shown = last\n",
        "tests/e2e/test_following.py",
    ),
    # Sessions end when they must, and not before.
    Mutation(
        "a refresh whose answer was lost costs the session",
        "portal/signin/sessions.py",
        "    if given.number == session.generation - 1 and session.in_grace:\n",
        "    if given.number == session.generation and session.in_grace:\n",
        "tests/e2e/test_sessions.py",
    ),
    Mutation(
        "a guessed refresh token ends the session",
        "portal/signin/sessions.py",
        "        if session is None or not given.genuine(session.seed):\n            raise",
        "        if session is None:\n            raise",
        "tests/e2e/test_sessions.py",
    ),
    Mutation(
        "a session is opened with a password that is being changed",
        "commands/postgres/sessions.py",
        "FOR SHARE\nRETURNING id",
        "RETURNING id",
        "tests/integration/test_sessions.py",
    ),
    Mutation(
        "a fault in writing notifications is no poison event",
        "notifications/notifier.py",
        "        if passes(error) or isinstance(error, PoisonEvent):",
        "        if not isinstance(error, UnreadableEvent):",
        "tests/integration/test_notifying.py",
    ),
    Mutation(
        "the largest amount, doubled, has no room",
        "notifications/migrations/0004_money.py",
        "field=models.DecimalField(decimal_places=2, max_digits=13),",
        "field=models.DecimalField(decimal_places=2, max_digits=12),",
        "tests/integration/test_largest_amount.py",
    ),
    Mutation(
        "what one's own raise overtakes stays unread",
        "notifications/postgres/notifications.py",
        "UPDATE notifications SET read_at = statement_timestamp()",
        "UPDATE notifications SET read_at = NULL",
        "tests/integration/test_notifying.py",
    ),
    # 20. Mails are claimed, counted first, and fail alone.
    Mutation(
        "an attempt to send a mail is counted only when it failed",
        "notifications/postgres/mails.py",
        "UPDATE mails SET attempts = attempts + 1, claim",
        "UPDATE mails SET claim",
        "tests/integration/test_mailing.py",
    ),
    Mutation(
        "a mail that is being sent is due",
        "notifications/postgres/mails.py",
        "        due = clock_timestamp() + %(lease)s",
        "        due = clock_timestamp()",
        "tests/integration/test_mailing.py",
    ),
    Mutation(
        "a mail that can't be composed ends the task",
        "notifications/outgoing.py",
        "    except Exception as error:",
        "    except OSError as error:",
        "tests/integration/test_mailing.py",
    ),
    Mutation(
        "an address is mailed before it is confirmed",
        "notifications/postgres/mails.py",
        '"users.deleted_at IS NULL AND users.email_confirmed_at IS NOT NULL"',
        '"users.deleted_at IS NULL"',
        "tests/integration/test_confirming.py",
    ),
    Mutation(
        "a confirmation is taken up before its mail is enqueued",
        "notifications/account_mails.py",
        "    with pool.connection() as connection, connection.transaction():\n",
        "    with pool.connection() as connection:\n",
        "tests/integration/test_confirming.py",
    ),
    Mutation(
        "a mail that was sent keeps the address that it went to",
        "notifications/postgres/mails.py",
        "    context = CASE WHEN version > %(version)s THEN context ELSE '{}' END,",
        "    context = context,",
        "tests/integration/test_mailing.py",
    ),
)
