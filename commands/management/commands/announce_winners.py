"""`manage.py announce_winners`."""

from commands.inbox.closing import announce_winners
from commands.management.due_command import DueCommand


class Command(DueCommand):
    """Closes every auction whose end has passed, and announces its winner."""

    help = "Close every auction whose end has passed and announce its winner, without waiting for beat."
    due = announce_winners
    name = "announced"
    nothing = "No auction was due."
