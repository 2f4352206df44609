"""Share of nights sold in a month."""
import csv
import sys

ROOMS = 9


def sold(path):
    with open(path, newline="") as table:
        return sum(int(row["nights"]) for row in csv.DictReader(table))


if __name__ == "__main__":
    days = int(sys.argv[2])
    print(f"{100 * sold(sys.argv[1]) / (ROOMS * days):.0f} %")
