"""The canary: requests for one token to configured engines. They make a GPU work, so the canary is an action."""
