"""What the operators' commands of the read side share."""

from pymongo.errors import PyMongoError

from commands.management.operator_command import OperatorCommand


class ReadSideCommand(OperatorCommand):
    """A command that reads or writes documents."""

    away = (*OperatorCommand.away, PyMongoError)
