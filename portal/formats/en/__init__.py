"""For English pages."""
