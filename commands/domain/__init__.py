"""The rules of bidding, users and the promoter: pure functions over plain data."""
