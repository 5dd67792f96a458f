"""Rules as people write them in a form or at the command line."""

from dataclasses import dataclass

from commands.domain.rules.presets import PRESETS
from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.table import Rules, in_order
from commands.inbox.choosing.table import SECTIONS, TEXTS
from commands.inbox.invalid import InvalidInput

# What `choose` takes.
RULES = ("preset", *(text.name for text in TEXTS))


@dataclass(frozen=True, slots=True)
class Choice:
    """The rules that were chosen, in their order, and a reserve that is still to be hidden."""

    rules: Rules
    reserve: ReservePrice | None = None

    @property
    def all_rules(self) -> Rules:
        """The rules with one for the reserve, which hides nothing: for telling and trying what was chosen."""
        hidden = [Reserve(commitment="", sealed="")] if self.reserve else []
        return in_order([*self.rules, *hidden])


def choose(preset: str = "", **texts: str) -> Choice:
    """The preset's rules and those that the texts choose, an empty one none; InvalidInput names the text that is wrong."""
    if preset and preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise InvalidInput("preset", f"there is no preset {preset[:40]!r}; there are {known}")
    chosen = {type(rule): rule for rule in PRESETS[preset or "plain"]}
    reserve = None
    for section in SECTIONS:
        written = {text.name: texts.pop(text.name, "").strip() for text in section.texts}
        if not any(written.values()):
            continue
        match section.read(written, chosen.pop(section.rule, None)):
            case ReservePrice() as price:
                reserve = price
            case None:
                pass
            case rule:
                chosen[type(rule)] = rule
    assert not texts, f"no rule is chosen by {', '.join(texts)}"
    return Choice(in_order(chosen.values()), reserve)


def chosen_rules(preset: str = "", **texts: str) -> Rules:
    """As `choose`, without what is to be hidden."""
    return choose(preset, **texts).rules
