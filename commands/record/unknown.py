"""What a release does not know, because a newer one wrote it: that one's processes run beside it, or did before."""


class Unknown(KeyError):
    """An event, a command, a rule, or a field of one, that this release does not know: only a newer one can go on.

    `what` names it, as in "event AuctionExtended", "event BidPlaced in form 2", "rule reserve" or "field price of WinnerAnnounced".
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"this release does not know the {self.what}"


def unknown_behind(error: BaseException | None) -> Unknown | None:
    """What was unknown, if that is why the error was raised."""
    while error is not None and not isinstance(error, Unknown):
        error = error.__cause__
    return error
