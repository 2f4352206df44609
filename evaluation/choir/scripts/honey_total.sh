#!/bin/sh
# The sum of all honey sales.
awk -F, 'NR > 1 { sum += $4 } END { print sum " kr" }' documents/honey-sales.csv
