"""Histories that others wrote, one format a file; each gives a *recording*, which says how it wants to be judged.

    imsim-jsonl, imsim-parquet   imsim's own (imsim/history/)
    list-append                  transactions on lists, as JSON               list_append.py
    jepsen-log                   the lines that jepsen.util prints            jepsen_log.py
    jepsen-edn                   Jepsen's histories, as EDN                   jepsen_edn.py, edn.py
    porcupine-kv                 put, append and get of strings, a map a line porcupine_kv.py

`read.py` knows them by name and by their first words. A reader says of what it cannot read: file, line, what was given
and what is allowed; it never guesses. What does not belong here: verdicts.
"""
