"""The rules that an auctioneer can choose for an auction: one file each, and their order in `table`.

An auction without any goes by the plain rules of `commands.domain.auction` alone.
"""
