"""The servers of this machine, whatever cluster is in view: one watcher for all, what is asked of them, presets."""
