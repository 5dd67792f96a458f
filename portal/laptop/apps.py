"""What runs a whole portal on a laptop, as a Django app that only `PORTAL_ENV=local` installs."""

from django.apps import AppConfig


class LaptopConfig(AppConfig):
    """The commands `up` and `demo`."""

    name = "portal.laptop"
    label = "laptop"
