#!/bin/sh
# The team's points: two for a win, one for a draw. Run it from the folder above.
awk -F, 'NR > 1 { if ($4 > $5) points += 2; else if ($4 == $5) points += 1 } END { print points + 0 " points" }' documents/match-results.csv
