"""What speaks for or against an action, one file per question; ``every`` has those of all plans. Nothing is changed."""
