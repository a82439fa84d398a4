"""What the comparisons with Python share: running a program for its JSON line, and naming the machine."""
import json
import platform
import statistics
import subprocess


def run(command):
    """@returns the last line of its output, decoded."""
    result = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])


def hardware():
    with open("/proc/cpuinfo") as lines:
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{model}, {platform.machine()}"


def spread(values):
    """median [least, most]"""
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"
