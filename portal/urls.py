"""What Django itself answers: the bidders' pages, the links in mails, and admin."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import path

from notifications.views import confirm_email, unsubscribe
from portal.signin.admin_form import LimitedSignIn
from portal.web import documentation
from portal.web.pages import bidders, how_it_works, icon

admin.site.site_header = admin.site.site_title = "Auction portal"
admin.site.index_title = "Auctions, jobs and schedules"
# Lists need the width that it would take; the index has the same links.
admin.site.enable_nav_sidebar = False
admin.site.login_form = LimitedSignIn
# Who may what is settled by is_staff alone.
admin.site.unregister(Group)

urlpatterns = [
    path("", bidders),
    path("how-it-works", how_it_works),
    path("docs", documentation.index),
    path("docs/<path:name>", documentation.page),
    # Browsers ask for it on pages that name no icon, which are admin's.
    path("favicon.ico", icon),
    path("unsubscribe/<str:token>", unsubscribe),
    path("confirm-email/<str:token>", confirm_email),
    path("admin/", admin.site.urls),
]
