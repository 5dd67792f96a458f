"""A mutation as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """A line `before` of `file`, which the mutation replaces by `after`, and what must fail then.

    `proof` is a round or scene of the fault suite, or a test of `make test`; its output must have a
    line with `noticed`.
    """

    name: str
    file: str
    before: str
    after: str
    proof: str
    noticed: str = "FAILED tests/"

    @property
    def command(self) -> tuple[str, ...]:
        """The module and arguments that run the proof, for `python -m`."""
        if ".py" in self.proof:
            return ("pytest", "-q", "-x", "--tb=short", "-p", "no:cacheprovider", self.proof)
        return (
            "tests.faults",
            "--compact",
            "--seed",
            "broken",
            "--bound",
            "20",
            "--round",
            self.proof,
        )
