"""Mean of the Brix values that are given, and whether it is enough."""
import sys

MIN_BRIX = 10.5


def mean(values):
    return sum(values) / len(values)


if __name__ == "__main__":
    brix = mean([float(value) for value in sys.argv[1:]])
    print(f"{brix:.1f}", "enough" if brix >= MIN_BRIX else "too thin")
