"""The servers of this machine: their screens, views, commands and command line."""
