"""Real Postgres, Redis and MongoDB servers out of Python wheels, for a laptop, the demo and the tests.

They listen on unix sockets in a private folder and on no port, keep their data in the data
folder, and die with the process that started them.
"""
