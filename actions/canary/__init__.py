"""The canary: one token, asked of engines that the configuration names. It makes a GPU work: so it is an action."""
