"""From cells to records: the plan, the runner, and the files of an output folder."""
