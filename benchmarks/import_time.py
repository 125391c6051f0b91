"""What the plugin adds to `import hyperspy.api`.

Usage: python benchmarks/import_time.py [RUNS]

Fresh interpreters in turn, with the plugin's entry points and without them; prints the
median of each and of the differences of neighbours, in milliseconds.
"""

import statistics
import subprocess
import sys

CODE = """
import importlib.metadata, time
found = importlib.metadata.entry_points
def entry_points(**of):
    return [e for e in found(**of) if {plugin} or "aedenoise" not in e.name]
importlib.metadata.entry_points = entry_points
start = time.perf_counter()
import hyperspy.api
print((time.perf_counter() - start) * 1e3)
"""


def milliseconds(plugin):
    code = CODE.format(plugin=plugin)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    milliseconds(True)  # fills the caches of the file system
    pairs = [(milliseconds(True), milliseconds(False)) for _ in range(runs)]
    with_plugin, without = (
        statistics.median(times) for times in zip(*pairs, strict=True)
    )
    added = statistics.median(one - other for one, other in pairs)
    print(f"with {with_plugin:.1f} ms, without {without:.1f} ms, added {added:.1f} ms")


if __name__ == "__main__":
    main()
