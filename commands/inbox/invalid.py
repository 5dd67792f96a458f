"""What is raised for input that can't be meant."""


class InvalidInput(ValueError):
    """The input can't be what was meant; `field` names where, the message says what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
