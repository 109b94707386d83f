# What others do, in its simplest form, on the same mutants; see scripts/mutants.
# shellcheck shell=bash

baseline_tools=()
