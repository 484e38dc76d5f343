"""The reading half of a Kubernetes API server, on loopback, over a store of plain JSON objects.

kmock 0.8 was looked at and not used: its objects carry no resourceVersion history, so there are no consistent
chunked lists, no 410 and no bookmarks, and it has neither Table nor metadata-only answers, selectors or RBAC.
That is what the recordings of a real API server are about; what would be left of kmock is aiohttp's routing.
"""
