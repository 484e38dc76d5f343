"""The outside world for the screens, and the bridge to the thread of the sources."""
