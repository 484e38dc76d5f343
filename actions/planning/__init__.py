"""Planning: what an action would do, checked and explained. Nothing of it has happened yet."""
