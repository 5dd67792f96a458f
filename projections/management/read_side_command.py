"""The base class of the read side's operators' commands."""

from pymongo.errors import PyMongoError

from commands.management.operator_command import OperatorCommand


class ReadSideCommand(OperatorCommand):
    """A command that reads or writes documents."""

    away = (*OperatorCommand.away, PyMongoError)
