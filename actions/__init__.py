"""Everything that changes something: plan → confirm → apply → follow → record. Not constructed in read-only mode.

Read it in this order: `request` (what is asked for), `spec` (what an action is, as data: read in every mode),
`catalogue` (all of them, one line each), `plan` (what would happen), `plan_context` (what planning may
look at), `execution_context` (what doing is given), `planner`, `runner`; then one of `kinds`, which are the actions,
one module each.

- `checks`: what speaks for or against an action, one question per file; `impact`: what the others would carry
- `drain`: how a pod leaves service, waits for its requests and is evicted; `revisions`, `diff`, `rolling`: of rollouts
- `follow`: whether the cluster has arrived; `effect`: what users felt
- `writer`: the one way out; `permissions`: what each action must be allowed; `note`: the Event on the target
- `audit`: the log, its writer and its readers; `undo`: the way back, from the log
"""
