"""Tasks of worklists run in this process, with nothing but the named streams on the list."""

import json
from typing import cast

from celery import current_app
from django.conf import settings

from commands.streams import Stream
from commands.wake import redis, wake_key
from commands.worklists import Worklist

# A turn ends when its time is over, finished or not.
TURNS = 5


def put(worklist: Worklist, *streams: Stream) -> tuple[str, str]:
    """These streams alone are on the list, and no task is on its way; the arguments of the one that takes them."""
    while worklist.take():
        continue
    redis().delete(wake_key(worklist.task, (worklist.name, "0")))
    worklist.add(streams)
    return worklist.name, "0"


def work(worklist: Worklist, *streams: Stream, turns: int = TURNS) -> None:
    """Run the task on the streams, as a worker runs it: one that fails runs again, without the pauses."""
    task, arguments = current_app.tasks[worklist.task], put(worklist, *streams)
    for _ in range(turns):
        task.apply(arguments)
        if not on_list(worklist):
            return


def on_list(worklist: Worklist) -> set[Stream]:
    """The streams that wait for that work; they wait on."""
    streams = set[Stream]()
    while taken := worklist.take():
        streams.update(taken)
    worklist.add(streams)
    return streams


def queued_tasks(queue: str, task: str) -> int:
    """How many messages of that task wait in the queue."""
    messages = cast(list[str], redis().lrange(f"{settings.NAMESPACE}:{queue}", 0, -1))
    return sum(json.loads(message)["headers"]["task"] == task for message in messages)
