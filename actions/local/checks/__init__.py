"""What is looked at before a node starts: one file per thing, put together in launch.py."""
