#!/bin/sh
# Packs notes and documents into one archive on the stick.
# LATER: copy the archive to a second disk as well
target=${1:-/media/stick}
tar -czf "$target/hovdal-$(date +%Y%m%d).tar.gz" notes documents
