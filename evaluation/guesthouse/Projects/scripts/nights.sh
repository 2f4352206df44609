#!/bin/sh
# Nights sold in a table of bookings: nights.sh FILE
total=0
while IFS=, read -r guest room arrival nights rest; do
    case "$nights" in nights|'') continue ;; esac
    total=$((total + nights))
done < "$1"
echo "nights sold: $total"
