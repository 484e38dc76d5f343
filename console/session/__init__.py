"""What the screens need of the world outside, and the bridge to the thread on which the sources run."""
