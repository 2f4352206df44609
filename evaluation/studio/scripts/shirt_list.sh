#!/bin/sh
# Prints shirt numbers and names for the table officials.
cut -d, -f1,2 documents/team-roster.csv | tail -n +2
