"""The actions, each in a module of its own: what it is, what is asked for, and how that is planned and executed.

Where planning is long the module is a folder: its ``__init__`` declares the action, and ``action`` is imported only
when one is planned. What all actions go through is in actions.planner and actions.runner.
"""
