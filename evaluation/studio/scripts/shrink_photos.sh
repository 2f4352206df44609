#!/bin/sh
# Makes photos small enough for mail.
# UNFINISHED: does not look into folders below
width=1600
for photo in "$1"/*.jpg; do
    [ -e "$photo" ] || continue
    convert "$photo" -resize "${width}x" "${photo%.jpg}-small.jpg"
done
