"""The error for input of a wrong shape."""


class InvalidInput(ValueError):
    """The input has a wrong shape. `field` names the field, the message says what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
