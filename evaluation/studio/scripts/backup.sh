#!/bin/sh
# Copies the work of the week to the disk under the desk, and keeps the last eight copies.
set -e
target=${1:-/mnt/deskdisk/studio}
keep=8
mkdir -p "$target"
tar -czf "$target/week-$(date +%G-%V).tar.gz" documents notes projects
ls -1t "$target"/week-*.tar.gz | tail -n +$((keep + 1)) | while read -r old; do rm -- "$old"; done
