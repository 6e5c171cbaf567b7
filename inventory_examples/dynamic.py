#!/usr/bin/env python3
"""A dynamic inventory: any program that prints Ansible's JSON document when it is run with --list.

    jsync inventory --graph -i inventory_examples/dynamic.py

A real one would ask a database. It runs in its own folder, without a shell, and has 30 seconds. With "_meta" it is
asked once; without, jsync asks again for each host: `dynamic.py --host NAME`.
"""

import json

WORKLOADS = {"berlin": 5501, "paris": 5502, "rome": 5503}  # the database

hostvars = {name: {"tcp_port": port, "udp_port": port} for name, port in WORKLOADS.items()}
hostvars["dynamic-master"] = {"tcp_port": 4451, "remote": "demo/remote"}  # relative to this script's folder

print(
    json.dumps(
        {
            "_meta": {"hostvars": hostvars},
            "all": {"vars": {"address": "127.0.0.1"}},
            "masters": {"hosts": ["dynamic-master"]},
            "slaves": {"hosts": list(WORKLOADS), "vars": {"cache": "demo/dynamic/{name}"}},
        },
        indent=1,
    )
)
