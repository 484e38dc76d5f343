"""The screens of the servers on this machine."""
