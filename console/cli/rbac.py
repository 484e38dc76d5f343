"""``quarterdeck rbac``: the manifests of a role on stdout. Changes nothing."""

from __future__ import annotations

from console.cli import exit_codes
from console.cli.dispatch import Invocation


def run(invocation: Invocation) -> int:
    """Exit 0."""
    import yaml

    from console.rbac.roles import RbacRole, manifests

    options = invocation.options
    found = manifests(
        RbacRole(options.role),
        # -n means the same here as everywhere; --in may be given more than once.
        namespaces=options.in_namespace or tuple(filter(None, [getattr(options, "namespace", "")])),
        users=options.user or (),
        groups=options.group or (),
        logs=options.logs,
        proxy=options.proxy,
    )
    # YAML anchors would be correct but unreadable.
    dumper = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    print(yaml.dump_all(found, Dumper=dumper, sort_keys=False, default_flow_style=None, width=100), end="")
    return exit_codes.OK
