"""`manage.py help`: the portal's own commands first, with what each does."""

from collections.abc import Sequence

from django.apps import apps
from django.conf import settings
from django.core.management import ManagementUtility, get_commands


class PortalCommands(ManagementUtility):
    """Django's command line, whose help begins with the portal's commands."""

    def main_help_text(self, commands_only: bool = False) -> str:
        """What `help` prints; with `commands_only` the bare names, for completion."""
        theirs: str = super().main_help_text(commands_only)
        if commands_only:
            return theirs
        own = {
            name: self.fetch_command(name).help.partition(". ")[0].rstrip(".")
            for name, app in sorted(get_commands().items())
            if isinstance(app, str) and _is_ours(app)
        }
        width = max(map(len, own), default=0)
        lines = [f"  {name:<{width}}  {what}." for name, what in own.items()]
        return "\n".join(
            ["The portal's commands (COMMAND --help explains each):", "", *lines, "", theirs]
        )


def _is_ours(app: str) -> bool:
    """Whether the app stands in this project's folder."""
    return any(
        config.name == app and config.path.startswith(str(settings.BASE_DIR / app.split(".")[0]))
        for config in apps.get_app_configs()
    )


def execute(argv: Sequence[str]) -> None:
    """Run a command, as django.core.management.execute_from_command_line does."""
    PortalCommands(list(argv)).execute()
