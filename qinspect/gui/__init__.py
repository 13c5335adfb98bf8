"""The window. Panels receive values and emit what the user asked for; the document is the only way to change a plan.

start       `app` (the window first, torch after it), `theme`, `icons`, `language`, `translation`
document    `document` (what is open), `planned` (the plan), `edits` (one edit as the undo history keeps it)
work        `tasks` and `questions` queue jobs, `jobs` runs them, `work` and `close_up` are what they do in the worker
            thread; `errands` is what the queues share
window      `main_window` places the pages, `wiring` says which signal leads where, `actions` makes the menus, `anew`
            makes all of it once more in another language
files       `opening`, `choose`, `dropping`, `recent`, `trust`; `keeper` for sessions and what a crash must not lose
to be seen  `panels` (pages and what they are made of), `plots`, `graph`
beside it   `palette`, `help`, `dialogs`, `words`
"""
