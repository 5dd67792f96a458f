"""Mutations of the read side: projecting, rebuilding, reading and auditing."""

from tests.faults.mutations.mutation import Mutation

DOCUMENTS = (
    Mutation(
        "a poison event stops its stream silently",
        "projections/projector.py",
        "                raise PoisonEvent(stream, _version(stream, documents) + 1) from error\n",
        "                return\n",
        "tests/integration/test_poison.py",
    ),
    Mutation(
        "what led long ago is forgotten by a rebuild",
        "projections/upkeep/filling.py",
        "            top = documents.top_bids(id, each.version, TOP)\n",
        "            top = []\n",
        "tests/integration/test_filling.py",
    ),
    # 9. A rebuild is seen old or new.
    Mutation(
        "readers are switched before the documents are there",
        "projections/upkeep/rebuild.py",
        "        left = _fill_all(",
        "        move_pointer(database, name, generation)\n        left = _fill_all(",
        "tests/integration/test_rebuilding.py",
    ),
    Mutation(
        "what a killed rebuild left stays for ever",
        "projections/tasks.py",
        "    drop_abandoned(pool(), database())\n",
        "    pass\n",
        "tests/integration/test_leftovers.py",
    ),
    Mutation(
        "readers are switched to documents that were dropped",
        "projections/mongo/generations.py",
        'DROPPED: {"$not": {"$gte": generation}}',
        'DROPPED: {"$not": {"$gte": generation + 1}}',
        "tests/integration/test_leftovers.py",
    ),
    Mutation(
        "news that were read of the former documents are forgotten",
        "portal/schema/following/auctions.py",
        "            self._news |= self._lately\n",
        "            pass\n",
        "tests/integration/test_switching.py",
    ),
    Mutation(
        "what was read of the former documents is shared",
        "portal/web/hub.py",
        "        self._news.missed()\n        for (topic, _), listeners in self._listeners.items():\n            if",
        "        for (topic, _), listeners in self._listeners.items():\n            if",
        "tests/integration/test_switching.py",
    ),
    Mutation(
        "what a rebuild catches up with after the switch is told to nobody",
        "projections/upkeep/rebuild.py",
        "        announce(caught_up)\n        time.sleep",
        "        time.sleep",
        "tests/integration/test_switching.py",
    ),
    Mutation(
        "a write waits for as many members as the URL asks",
        "projections/mongo/connection.py",
        'w=w if more else "majority"',
        "w=w",
        "tests/integration/test_replica_set.py",
    ),
    Mutation(
        "a page of bids is of whatever version its bids are",
        "projections/changes.py",
        "    if bid.version <= version:\n        return bid\n",
        "    if bid.version > 0:\n        return bid\n",
        "tests/integration/test_pages_at_a_version.py",
    ),
    Mutation(
        "bids are read of a generation that is behind their auction",
        "projections/mongo/reader.py",
        '"version": {"$gte": auction.version}',
        '"version": {"$gte": 0}',
        "tests/integration/test_pages_at_a_version.py",
    ),
    Mutation(
        "what is shared lasts as long as nobody tells of a change",
        "portal/web/fresh.py",
        "max(now - LONGEST, self._missed) < reads.since",
        "self._missed < reads.since",
        "tests/integration/test_fresh.py",
    ),
    Mutation(
        "news of a change outdate nothing",
        "portal/web/hub.py",
        "            self._news.heard(topic, subject)\n",
        "            pass\n",
        "tests/integration/test_shared_news.py",
    ),
    Mutation(
        "what is shared is shown whatever version is asked for",
        "portal/schema/reading.py",
        "    if found and found[0].value.version >= (at_least or 1):\n",
        "    if found:\n",
        "tests/e2e/test_shared_answers.py::test_at_least_version_is_honoured_whatever_is_shared",
    ),
    # 10. Drift is found.
    Mutation(
        "the audit repairs nothing",
        "projections/upkeep/audit.py",
        "        _repair(stream, pool, documents)\n",
        "        pass\n",
        "tests/integration/test_audit.py",
    ),
)
