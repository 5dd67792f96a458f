"""Following auctions: what many ask for is read, executed and encoded once, and sent to all of them.

A feed reads one subject for the whole process, e.g. one auction, as soon as there is news of it. Its
channels each have one operation: the followers who asked for it with the same document and variables.
What an operation gives depends on the reader if a field in it does (see `portal/schema/public.py`); then only
those with the same token, or all without one, share its channel.

A follower whose connection does not keep up gets nothing more until it has received what was sent; then
it gets the newest state, or the events since, read again from the log.
"""
