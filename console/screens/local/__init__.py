"""The screens of the servers of this machine."""
