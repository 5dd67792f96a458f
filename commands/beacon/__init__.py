"""Beacons, by whose rounds ticks are drawn: the port, its adapters, and which of them the settings name."""
