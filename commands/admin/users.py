"""Users: who has an account, and who had one."""

from django.contrib import admin

from commands.admin.read_only import ReadOnly
from commands.models import User


@admin.register(User)
class UserAdmin(ReadOnly, admin.ModelAdmin[User]):
    """Who is here, and who was."""

    list_display = ("username", "is_staff", "created_at", "deleted_at", "id")
    list_filter = ("is_staff",)
    search_fields = ("username", "id")
    ordering = ("-created_at",)
    fields = ("id", "username", "email", "is_staff", "version", "created_at", "deleted_at")
