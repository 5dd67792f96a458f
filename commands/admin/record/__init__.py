"""The event browser: streams, one stream's events, what followed from one request, and a search.

Each list is a page of rows found by stream_id, version or position; nothing is counted.
"""
