"""View pieces that every task's page is made of; none of them knows a task by name."""
