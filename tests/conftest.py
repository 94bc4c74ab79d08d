import os

from hypothesis import settings

# A busy machine must not fail a test, and the same commit must give the same answer twice.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

# Whole runs work in the test's own process, where it can change the methods. Tests of workers have the fixture
# `worker_processes`, and those that start programs do not hand this on.
os.environ["JOBLIB_MULTIPROCESSING"] = "0"
