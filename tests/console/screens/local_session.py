"""A session on a machine with servers, and the requests for them."""

from __future__ import annotations

from actions.request import LOCAL, LOCAL_SERVER, Target
from fleet.local.server import Phase
from tests.console.screens.desk import Desk
from tests.console.screens.scripted import ScriptedSession, make_server


def session(*names: str) -> ScriptedSession:
    """A machine with a ready server, a loading one and a dead one; or the named ones of them."""
    every = {
        "bad": make_server("bad", Phase.DEAD, spec={"port": 8002}),
        "loads": make_server("loads", Phase.LOADING, done=3, total=30, eta=70.0, spec={"port": 8003}),
        "tiny": make_server("tiny"),
    }
    made = ScriptedSession()
    made.here.servers = tuple(server for name, server in every.items() if not names or name in names)
    made.here.logs = {name: tuple(f"INFO line {number} of {name}" for number in range(60)) for name in every}
    return made


def target(name: str) -> Target:
    """A server as it is named in a request."""
    return Target(LOCAL_SERVER, LOCAL, name, f"id-{name}")


def planned(d: Desk) -> list[object]:
    """The requests for which a plan was asked."""
    return [asked[1] for asked in d.session.acts.asked if asked[0] == "plan"]
