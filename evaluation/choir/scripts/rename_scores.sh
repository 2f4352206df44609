#!/bin/sh
# Gives scanned scores names without spaces, in lower case.
# LATER: accents in the names are kept, but should go
for file in "$1"/*.pdf; do
    [ -e "$file" ] || continue
    name=$(basename "$file" | tr 'A-Z ' 'a-z-')
    mv -n "$file" "$1/$name"
done
