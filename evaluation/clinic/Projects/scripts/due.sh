#!/bin/sh
# Names of the animals whose vaccination is due until the day given, or until the end of this year.
until=${1:-2026-12-31}
cd "$(dirname "$0")" || exit 1
while IFS=, read -r animal owner due; do
    if [ "$animal" != animal ] && [ "$(printf '%s\n%s\n' "$due" "$until" | sort | head -n 1)" = "$due" ]; then
        echo "$animal ($owner): $due"
    fi
done < vaccinations.csv
