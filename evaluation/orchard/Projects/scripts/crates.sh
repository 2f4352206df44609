#!/bin/sh
# How many crates of 20 kg each variety filled.
cd "$(dirname "$0")/../../Documents/Orchard" || exit 1
for wanted in Gala Conference Golden Fuji; do
    sum=0
    while IFS=, read -r date block variety kg; do
        if [ "$variety" = "$wanted" ]; then sum=$((sum + kg)); fi
    done < harvest-2026.csv
    echo "$wanted: $((sum / 20)) crates"
done
