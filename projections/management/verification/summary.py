"""The outcome of verifying many streams, added up."""

from dataclasses import dataclass, field

from projections.upkeep.findings import Finding, Verdict


@dataclass(slots=True)
class Summary:
    """How much was verified, and what was found; in the end the same in whatever order it came."""

    streams: int = 0
    events: int = 0
    behind: int = 0
    jobless: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count one stream."""
        self.streams += 1
        self.events += verdict.events
        self.behind += bool(verdict.behind)
        self.jobless += verdict.jobless
        self.findings += verdict.findings

    def in_order(self) -> list[Finding]:
        """The findings by stream; those of one stream as they were found."""
        return sorted(self.findings, key=lambda finding: (finding.stream.kind, finding.stream.id))
