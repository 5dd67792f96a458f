"""`manage.py lapse_offers`."""

from commands.inbox.lapsing import lapse_offers
from commands.management.due_command import DueCommand


class Command(DueCommand):
    """Ends every offer of a lot whose time to answer is over; the next bidder is offered it."""

    help = "End every offer of a lot that was not answered in time, without waiting for beat."
    due = lapse_offers
    name = "lapsed"
    nothing = "No offer was due."
