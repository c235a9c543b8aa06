"""What looking at one invariant has found: counts and references, never personal data, and in bounded memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

EXAMPLES = 5


@dataclass
class Finding:
    """One invariant: what was looked at, what does not hold (references), what is on its way, what else to know."""

    name: str
    checked: int = 0
    failed: int = 0
    on_their_way: int = 0
    examples: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def fault(self, reference: str) -> None:
        """Count something that does not hold; the first few are named."""
        self.failed += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(reference)

    def fault_each(self, references: Iterable[str]) -> None:
        """Count each of these."""
        for reference in references:
            self.fault(reference)

    @property
    def line(self) -> str:
        """The finding as a person reads it."""
        waiting = [f"{self.on_their_way} on their way"] if self.on_their_way else []
        besides = "".join(f", {said}" for said in [*waiting, *self.remarks])
        if not self.failed:
            return f"{self.name} … ok {self.checked} checked{besides}"
        named = ", ".join(self.examples) + (" …" if self.failed > len(self.examples) else "")
        return f"{self.name} … FAILED {self.failed} of {self.checked}: {named}{besides}"
