"""The servers on this machine, whatever cluster is selected: one shared watcher, requests to them, presets."""
