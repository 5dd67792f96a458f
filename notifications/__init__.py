"""The notifier: who is told what, and how."""
