"""Gives pictures the name of a wedding: rename_photos.py FOLDER NAME"""
import pathlib
import sys

folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
for number, picture in enumerate(sorted(folder.glob("IMG_*.jpg")), 1):
    picture.rename(folder / f"{name}-{number:03}.jpg")
