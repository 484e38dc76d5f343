"""The reading half of a Kubernetes API server, on loopback, over a store of plain JSON objects.

`server` passes a request through `rbac` (identity and permissions), `requests` (its meaning), `resources` with
`columns` (the table of served resources), `reads` with `selectors` (get, list, watch), `pods` (logs and proxies),
`reviews`, `discovery`, `errors`. `protobuf` decodes the bodies of kubectl's typed clients. `listeners` are the pods'
own servers; `access` and `prometheus` write the files by which clients find all of it.

kmock 0.8 was looked at and not used: its objects carry no resourceVersion history, so there are no consistent chunked
lists, no 410 and no bookmarks, and it has neither Table nor metadata-only answers, selectors or RBAC. That is what the
recordings of a real API server are about; what would be left of kmock is aiohttp's routing.
"""
