"""The program: the command line, the configuration, the Textual app and its screens."""

__version__ = "0.1.0"
