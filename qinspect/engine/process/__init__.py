"""Processes of their own: for work that may have to be killed (`child`) and for code that is not ours (`guest`)."""
