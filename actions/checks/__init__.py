"""What speaks for or against an action, one file per question. Each gives Checks; none changes anything."""
