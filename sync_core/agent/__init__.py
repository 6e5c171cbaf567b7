"""The long-lived master and slave, built from the rooms below."""
