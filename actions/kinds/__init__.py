"""The actions, one module each: declaration, request, planning and execution.

If planning is long the module is a folder: its ``__init__`` declares the action, and ``action`` is imported only when
one is planned. The common path of all actions is in actions.planning.planner and actions.running.runner.
"""
