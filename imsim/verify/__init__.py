"""What users were promised, judged from what happened: History in, Verdict out.

Properties are plain functions over the rows of a history and name the rows that prove a violation; which world wrote
them does not matter. Nothing here changes a run, and figures that are no promise belong into imsim/study/.
"""
