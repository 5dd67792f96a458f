"""Admin's list of mails that were given up."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.read_only import ReadOnly
from commands.admin.record import steps
from commands.admin.record.urls import stream_link
from commands.models import User
from notifications.models import Mail, Notification
from notifications.steps import of_notices

steps.register("notices", of_notices)


@admin.register(Mail)
class MailAdmin(ReadOnly, admin.ModelAdmin[Mail]):
    """The mails that were given up in the last thirty days, with their last error."""

    list_display = ("settled_at", "kind", "to", "error")
    list_filter = ("kind",)
    ordering = ("-settled_at",)
    # Without `context`, which may hold personal data.
    exclude = ("context", "user_id", "notification_id", "claim")
    readonly_fields = ("to", "caused_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        """Only mails that were given up."""
        return super().get_queryset(request).filter(given_up=True)

    @admin.display(description="to")
    def to(self, mail: Mail) -> SafeString:
        """A link to the user; looked up by the page, never with their address."""
        return links.page_of(User, mail.user_id, f"user {links.end_of(mail.user_id)}")

    @admin.display(description="caused by")
    def caused_by(self, mail: Mail) -> SafeString | str:
        """The event that its notification is about; mails about accounts follow from none."""
        if mail.notification_id is None:
            return "-"
        notice = Notification.objects.filter(pk=mail.notification_id).first()
        if notice is None:
            return "a notice that is not kept any more"
        return stream_link(notice.auction_id, f"version {notice.version}", notice.version)
