#!/bin/sh
# Copies Documents and Finance to the disk in the drawer.
set -e
cp -r Documents Finance /media/backup/
