"""Firewalls as text and values: what their rules do to a packet, and which rules an inventory needs.

Nothing here decides a verdict alone or touches a firewall: readers explain what probes have found.
"""
