"""The rules of the auction house: pure functions over plain data, standard library only."""
