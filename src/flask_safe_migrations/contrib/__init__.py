"""What shows a database or a history, and is loaded only for that: pages, diagrams, code of models."""
