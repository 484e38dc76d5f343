"""The actions: everything that changes something. Plan → confirm → apply → follow → record. Not constructed in
read-only mode.

Read it in this order: `request` (the user's request), `spec` (an action's declaration as data, read in every mode),
`catalogue` (all of them, one line each), `planning` (what would happen), `cluster` (where it is planned and begun),
`running` (what happens, recorded); then one of `kinds`, which are the actions, one folder each.

- `planning`: the plan, what may be read for it, its impact on the other replicas
- `running`: from the intent to the result; `running/writer`: the one way out
- `checks`: reasons for or against an action, one question per file
- `drain`: how a pod leaves service, finishes its requests and is evicted; `revisions`: versions of a workload
- `follow`: whether the cluster has converged
- `permissions`: those that each action needs; `note`: the Event on the target
- `audit`: the log, its writer and its readers; `undo`: reversal of an action, from the log
"""
