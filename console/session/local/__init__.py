"""The servers of this machine, whatever cluster is selected: one shared watcher, requests to them, presets."""
