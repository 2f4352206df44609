#!/bin/sh
# What the plants for Furulia cost.
# UNFINISHED: VAT is missing
awk -F, 'NR > 1 { sum += $5 } END { print sum " kr" }' documents/plants-furulia.csv
