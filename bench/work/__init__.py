"""The work from cells to records: planning a run, running its cells, and the files of an output folder."""
