"""Mutations: each breaks one line of the code, and a round or test of the suite must then fail."""

from tests.faults.mutations.checkpoints import CHECKPOINTS
from tests.faults.mutations.database import DATABASE
from tests.faults.mutations.documents import DOCUMENTS
from tests.faults.mutations.draws import DRAWS
from tests.faults.mutations.jobs import JOBS
from tests.faults.mutations.mutation import Mutation
from tests.faults.mutations.people import PEOPLE
from tests.faults.mutations.processes import PROCESSES
from tests.faults.mutations.record import RECORD
from tests.faults.mutations.rules import RULES
from tests.faults.mutations.transfers import TRANSFERS

MUTATIONS: tuple[Mutation, ...] = (
    *JOBS,
    *DRAWS,
    *RECORD,
    *DOCUMENTS,
    *PEOPLE,
    *PROCESSES,
    *TRANSFERS,
    *RULES,
    *DATABASE,
    *CHECKPOINTS,
)

__all__ = ("MUTATIONS", "Mutation")
