"""Rules as people choose them, in admin's form or as options of `create_auction`: one file each, and all in `table`."""
