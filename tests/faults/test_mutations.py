"""Each mutation breaks a line that is there; the mutations themselves run by hand, for an hour."""

import pytest

from tests.faults.mutations import MUTATIONS, Mutation
from tests.faults.processes import ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_line_that_a_mutation_breaks_is_there_once(mutation: Mutation) -> None:
    source = (ROOT / mutation.file).read_text()
    assert source.count(mutation.before) == 1
    assert mutation.after != mutation.before
    if ".py" in mutation.proof:
        assert (ROOT / mutation.proof.partition("::")[0]).is_file()
