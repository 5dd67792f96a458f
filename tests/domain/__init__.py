"""The rules of the auction house, tested as pure functions."""
