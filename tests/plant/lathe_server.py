"""Program of the tests: the simulated lathe over OPC UA in a process of its own, told by lines of JSON what to do.

Every line of stdin is a command, every line of stdout its answer; the first line says where it listens.
"""

import json
import sys
import threading
from typing import Any

from luban.plant.clock import SystemClock
from luban.plant.lathe import Lathe
from luban.plant.machine import LatheMachine
from luban.plant.opcua.server import ServerInfo, simulate_server


def say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def obey(machine: LatheMachine, order: dict[str, Any]) -> Any:
    if order["do"] == "fault":
        fault = getattr(machine.faults, order["fault"])
        fault.add(order["name"])
    elif order["do"] == "disconnect":
        machine.faults.disconnected = order["on"]
    elif order["do"] == "clear":
        machine.faults.clear()
    elif order["do"] == "set":  # as a person at the lathe does
        machine.apply(order["name"], order["value"], "by hand")
    elif order["do"] == "log":
        return [[entry.at_ns, entry.name, entry.value, entry.command_id] for entry in machine.log]
    elif order["do"] == "setpoints":
        return machine.setpoints
    elif order["do"] == "tripped":
        return machine.watchdog_tripped
    return None


def main() -> None:
    options = json.loads(sys.argv[1])
    machine = LatheMachine(
        Lathe(seed=options.get("seed", 0)),
        clock=SystemClock(),
        shaft_s=options.get("shaft_s", 3600.0),
        watchdog_s=options.get("watchdog_s", 0.0),
    )
    stop = threading.Event()

    def started(info: ServerInfo) -> None:
        say({"binding": str(info.binding), "endpoint": info.endpoint})

    def serve() -> None:
        simulate_server(
            options["folder"],
            machine=machine,
            port=options["port"],
            security=options.get("security", "encrypted"),
            accepted_by=options.get("accepted_by"),
            units=options.get("units"),
            lease_s=options.get("lease_s", 10.0),
            ranges={name: tuple(span) for name, span in options.get("ranges", {}).items()},
            started=started,
            stop=stop,
        )

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    for line in sys.stdin:
        say(obey(machine, json.loads(line)))
    stop.set()
    thread.join()


if __name__ == "__main__":
    main()
