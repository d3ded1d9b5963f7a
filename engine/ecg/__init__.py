"""Task `ecg`: a photographed, scanned or recorded 12-lead ECG, read top to bottom in task.py."""
