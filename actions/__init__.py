"""The actions: everything that changes something. Plan → confirm → apply → follow → record. Not constructed in
read-only mode.

Read it in this order: `request` (the user's request), `spec` (an action's declaration as data, read in every mode),
`catalogue` (all of them, one line each), `plan` (what would happen), `plan_context` (what planning may read),
`execution_context` (what execution may use), `planner`, `runner`; then one of `kinds`, which are the actions,
one module each.

- `checks`: reasons for or against an action, one question per file; `impact`: the load on the remaining replicas
- `drain`: how a pod leaves service, finishes its requests and is evicted; `revisions`, `diff`, `rolling`: rollouts
- `follow`: whether the cluster has converged; `effect`: the effect on users
- `writer`: the one way out; `permissions`: those that each action needs; `note`: the Event on the target
- `audit`: the log, its writer and its readers; `undo`: reversal of an action, from the log
"""
