"""What Django itself answers: the admin pages."""

from django.contrib import admin
from django.urls import path

admin.site.site_header = admin.site.site_title = "Auction portal"
admin.site.index_title = "Auctioneer's desk"

urlpatterns = [path("admin/", admin.site.urls)]
