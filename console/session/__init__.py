"""The world outside as the screens need it, and the bridge to the thread on which the sources run."""
